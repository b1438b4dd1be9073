import { measure } from './engine'

const measureEvery = 60_000

/** How far back a channel goes, by its long playlist. */
export class Depth {
  private measured: { length: number; at: number } | null = null
  private asked = 0

  /** Finds it out, unless it was just asked. */
  look(slug: string): void {
    const now = Date.now()
    if (now - this.asked < measureEvery) return
    this.asked = now
    void measure(slug).then((length) => {
      if (length !== null) this.measured = { length, at: Date.now() }
    })
  }

  /** How many seconds it is, if it is known; grows: as many more as have passed. */
  length(now: number, grows: boolean): number | null {
    if (this.measured === null) return null
    return this.measured.length + (grows ? (now - this.measured.at) / 1000 : 0)
  }
}
