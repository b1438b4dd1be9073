import { isFull } from './engine'

/** Whether a channel has room for one more viewer. */
export class Admission {
  /** It had none when it was asked last. */
  full = false
  private asking = false

  /** Asks, unless that is under way. */
  ask(slug: string, then: (full: boolean) => void): void {
    if (this.asking) return
    this.asking = true
    void isFull(slug).then((full) => {
      this.asking = false
      this.full = full
      then(full)
    })
  }
}
