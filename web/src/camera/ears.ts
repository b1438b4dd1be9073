import tapURL from './tap.js?url'
import { soundScale } from './mp4'
import { Steady } from './steady'

export interface Heard {
  /** Number of the first sample: the clock of everything that is sent. */
  from: number
  /** Both channels, one behind the other. */
  data: Float32Array<ArrayBuffer>
}

/** Without sound for so long, in ms, its clock has stopped. */
const standstill = 1500

/**
 * Hears the microphone and what a shared window plays, as one sound that never stops: silence is sound too. Its samples
 * are counted, and their count is the clock by which pictures are timed as well, so that the two cannot drift apart.
 */
export class Ears {
  private readonly ctx = new AudioContext({ sampleRate: soundScale, latencyHint: 'interactive' })
  private readonly gain = this.ctx.createGain()
  private readonly all = this.ctx.createGain()
  private readonly meter = this.ctx.createAnalyser()
  private readonly measured = new Float32Array(1024)
  private readonly steady = new Steady()
  private readonly sources = new Map<'mic' | 'screen', MediaStreamAudioSourceNode>()
  private last = 0

  private constructor(
    private readonly heard: (h: Heard) => void,
    private readonly stood: () => void,
  ) {}

  /** stood is called when sound comes again after the browser had stopped it: its count stood still meanwhile. */
  static async open(heard: (h: Heard) => void, stood: () => void): Promise<Ears> {
    const e = new Ears(heard, stood)
    await e.ctx.audioWorklet.addModule(tapURL)
    const tap = new AudioWorkletNode(e.ctx, 'tap', { numberOfInputs: 1, numberOfOutputs: 1, channelCount: 2, channelCountMode: 'explicit' })
    tap.port.onmessage = (m: MessageEvent<Heard>) => e.take(m.data)
    const silence = e.ctx.createConstantSource()
    silence.offset.value = 0
    silence.connect(e.all)
    silence.start()
    e.meter.fftSize = e.measured.length
    e.gain.connect(e.all)
    e.gain.connect(e.meter)
    e.all.connect(tap)
    tap.connect(e.ctx.destination) // it gives silence; without a way out it would not be run everywhere
    return e
  }

  /** Goes on where the browser held the sound up: it wants to be asked for by a person, and a call on a phone stops it. */
  async wake(): Promise<void> {
    if (this.ctx.state !== 'running') await this.ctx.resume().catch(() => {})
  }

  /** Hears a track from now on, or with null nothing in its place. */
  listen(to: 'mic' | 'screen', track: MediaStreamTrack | null): void {
    this.sources.get(to)?.disconnect()
    this.sources.delete(to)
    if (track === null) return
    const source = this.ctx.createMediaStreamSource(new MediaStream([track]))
    source.connect(to === 'mic' ? this.gain : this.all)
    this.sources.set(to, source)
  }

  set muted(on: boolean) {
    this.gain.gain.setTargetAtTime(on ? 0 : 1, this.ctx.currentTime, 0.01)
  }

  /** How loud it is now, in dB below the loudest that can be sent. */
  get loudness(): number {
    this.meter.getFloatTimeDomainData(this.measured)
    return 20 * Math.log10(Math.max(1e-4, ...this.measured.map(Math.abs)))
  }

  /** The sample that is heard at a time of performance.now(). */
  sampleAt(time: number): number {
    return ((time - this.steady.ahead) * soundScale) / 1000
  }

  /** Whether sound has stopped to come: the page was asleep, or the browser stopped it. */
  get still(): boolean {
    return performance.now() - this.last > standstill
  }

  private take(h: Heard): void {
    const now = performance.now()
    const stood = this.last > 0 && now - this.last > standstill
    this.last = now
    if (stood) {
      this.steady.reset()
      this.stood()
    }
    this.steady.note(((h.from + h.data.length / 2) * 1000) / soundScale, this.last)
    this.heard(h)
  }
}
