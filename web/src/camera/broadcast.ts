import { Cutter, type Encoded } from './cutter'
import type { Carrier, Tally } from './outbox'
import { Outbox } from './outbox'
import type { Heard } from './ears'
import { PictureEncoder, SoundEncoder, type Quality } from './encoder'
import { init, soundScale, type Pictures, type Sound } from './mp4'

/** What is sent counts its time from here, in s: pictures that were taken a little before the sound began have one too. */
const origin = 10
/** A picture that nothing new replaces is sent again after so long, in s: a shared window that stands still gives none. */
const repeatAfter = 0.2

export interface Means {
  pictures: VideoEncoderConfig
  sound: AudioEncoderConfig
  /** How many samples late the sound is heard, where its header does not say it. */
  delay: number
  quality: Quality
  bases(): readonly string[]
  /** When the session before this one is through. */
  after: Promise<void>
  carrier: Carrier
  /** The picture to send again while nothing new comes. */
  again(): VideoFrame | null
  /** It cannot go on: with words for a person if it makes no sense to begin anew. */
  failed(refused: string): void
  told(): void
}

/** One session of sending: pictures and sound are encoded, cut into pieces and sent, until it is closed or fails. */
export class Broadcast {
  private readonly pictures: PictureEncoder
  private readonly sounds: SoundEncoder
  private cutter: Cutter | null = null
  private pictured: Pictures | null = null
  private sounded: Sound | null = null
  private outbox: Outbox | null = null
  private early: (() => void)[] = []
  private over = false
  private readonly session = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('')

  constructor(private readonly means: Means) {
    const failed = (e: Error) => {
      console.warn('an encoder failed', e)
      this.fail('')
    }
    this.pictures = new PictureEncoder(means.pictures, (e, h) => this.picture(e, h), failed)
    this.sounds = new SoundEncoder(means.sound, means.delay, (e, h) => this.sound(e, h), failed)
  }

  /** Sends a picture that was taken at the time of a sample, and closes it. */
  see(frame: VideoFrame, sample: number): void {
    const at = sample / soundScale + origin
    if (this.over || this.pictures.soon(at)) frame.close()
    else this.pictures.encode(frame, at)
  }

  /** Sends sound, and again the last picture if it is time: sound comes whatever the page and its cameras do. */
  hear(h: Heard): void {
    if (this.over) return
    this.sounds.encode(h, h.from + origin * soundScale)
    const at = h.from / soundScale + origin
    if (this.pictures.since(at) < repeatAfter) return
    const frame = this.means.again()
    if (frame !== null) this.pictures.encode(frame, at)
  }

  /** Makes a keyframe at once: the piece that was in the making is complete with it. */
  ask(): void {
    this.pictures.ask()
  }

  get tally(): Tally | null {
    return this.outbox?.tally ?? null
  }

  get dropped(): number {
    return this.pictures.dropped
  }

  /** Ends it; what waits has so many ms to get through. */
  async close(time: number): Promise<void> {
    this.over = true
    await Promise.all([this.pictures.end(), this.sounds.end()])
    this.cutter?.end()
    await this.outbox?.close(time)
  }

  private fail(words: string): void {
    if (this.over) return
    this.over = true
    this.means.failed(words)
  }

  private picture(e: Encoded, header: Pictures): void {
    if (this.pictured !== null && header !== this.pictured && !same(header.avcC, this.pictured.avcC)) return this.fail('') // a session has one header
    this.pictured ??= header
    this.take(() => this.cutter!.picture(e))
  }

  private sound(e: Encoded, header: Sound): void {
    this.sounded ??= header
    this.take(() => this.cutter!.sound(e))
  }

  /** Hands on what was encoded as soon as both headers are there. */
  private take(give: () => void): void {
    this.early.push(give)
    if (this.pictured === null || this.sounded === null) return
    if (this.cutter === null) {
      const m = this.means
      const outbox = new Outbox(this.session, init(this.pictured, this.sounded), m.carrier, m.bases, (words) => (words === '' ? m.told() : this.fail(words)), m.after)
      this.outbox = outbox
      this.cutter = new Cutter(this.sounds.frame, this.sounds.converted, (p) => outbox.add(p))
    }
    const all = this.early
    this.early = []
    for (const f of all) f()
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i])
}
