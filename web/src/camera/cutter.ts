import { rate } from './encoder'
import { fragment, join, pictureScale, pictureTrack, soundScale, soundTrack, type Sample } from './mp4'

/** Something encoded, with its time in the scale of its track. */
export interface Encoded {
  time: number
  key: boolean
  data: Uint8Array
}

/** A piece: what lies between one keyframe and the next. */
export interface Piece {
  /** Seconds of pictures. */
  seconds: number
  data: Uint8Array<ArrayBuffer>
}

/**
 * How much sound a piece repeats of the one before, where the server converts it: frames of AAC are made of what lies
 * on both sides of them, and a piece is converted without the others. In samples; see push.SoundLag and opus.Before.
 */
export const repeated = 13 * 960

/** How far sound may stay away before a piece goes without it, in samples. */
const patience = 2 * soundScale

/** Cuts encoded pictures and sound into pieces. It has no clock and does no I/O. */
export class Cutter {
  private pictures: Encoded[] = []
  private sounds: Encoded[] = []
  private heard = 0 // where the sound ends
  private sequence = 0
  private sent = -1 // where the sound ends that was sent

  /** frame is how many samples a frame of sound has; repeats says that the server converts it. */
  constructor(
    private readonly frame: number,
    private readonly repeats: boolean,
    private readonly emit: (p: Piece) => void,
  ) {}

  picture(p: Encoded): void {
    if (this.pictures.length === 0 && !p.key) return
    this.pictures.push(p)
    this.cut()
  }

  sound(s: Encoded): void {
    this.sounds.push(s)
    this.heard = s.time + this.frame
    if (this.pictures.length === 0) this.forget(this.heard - repeated)
    this.cut()
  }

  /** Gives out what is left; nothing follows. */
  end(): void {
    const last = this.pictures.at(-1)
    if (last === undefined) return
    this.cut()
    const after = last.time + pictureScale / rate
    if (this.pictures.length > 0) this.give(this.pictures.splice(0), after, this.inSound(after))
  }

  /** Gives out what is complete: pictures up to the next keyframe, and sound up to there. */
  private cut(): void {
    for (;;) {
      const next = this.pictures.findIndex((p, i) => i > 0 && p.key)
      if (next < 0) return
      const end = this.inSound(this.pictures[next]!.time)
      const newest = this.inSound(this.pictures.at(-1)!.time)
      if (this.heard < end && newest - this.heard < patience) return
      this.give(this.pictures.splice(0, next), this.pictures[0]!.time, end)
    }
  }

  private give(pictures: Encoded[], after: number, end: number): void {
    const begin = pictures[0]!.time
    const from = this.repeats ? this.inSound(begin) - repeated : this.sent
    const sounds = this.sounds.filter((s) => s.time >= from && s.time < end)
    const frames = pictures.map((p, i): Sample => ({ data: p.data, key: p.key, duration: (pictures[i + 1]?.time ?? after) - p.time }))
    const parts = [fragment(pictureTrack, ++this.sequence, begin, frames)]
    if (sounds.length > 0) {
      parts.push(fragment(soundTrack, ++this.sequence, sounds[0]!.time, sounds.map((s) => ({ data: s.data, key: true, duration: this.frame }))))
      this.sent = sounds.at(-1)!.time + this.frame
    }
    this.forget(end - repeated)
    this.emit({ seconds: (after - begin) / pictureScale, data: join(parts) })
  }

  private forget(before: number): void {
    while (this.sounds.length > 0 && this.sounds[0]!.time + this.frame <= before) this.sounds.shift()
  }

  private inSound(time: number): number {
    return Math.round((time * soundScale) / pictureScale)
  }
}
