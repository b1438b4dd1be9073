import { fall, levelOf, silence, type Level } from './level'

/** The page's way to hear: made when it is first needed, and woken by the first touch or key, as browsers want it. */
let context: AudioContext | null = null

function hearing(): AudioContext {
  if (context !== null) return context
  const made = new AudioContext()
  context = made
  const wake = () => void made.resume().then(() => made.state === 'running' && gone())
  const gone = () => ['pointerdown', 'keydown'].forEach((e) => document.removeEventListener(e, wake))
  ;['pointerdown', 'keydown'].forEach((e) => document.addEventListener(e, wake))
  return made
}

/** A video whose tracks can be listened to, whether or not it is muted. Safari has none. */
type Captured = HTMLVideoElement & { captureStream?(): MediaStream; mozCaptureStream?(): MediaStream }

/** Measures how loud a video is. It is muted for people all the while, unless somebody listens to it. */
export class Ear {
  private node: MediaStreamAudioSourceNode | null = null
  private analyser: AnalyserNode | null = null
  private samples = new Float32Array(2048)
  private shown = silence
  private at = 0
  private readonly stream: MediaStream | null

  constructor(video: HTMLVideoElement) {
    const v = video as Captured
    this.stream = (v.captureStream ?? v.mozCaptureStream)?.call(v) ?? null
    this.stream?.addEventListener('addtrack', this.listen)
    this.stream?.addEventListener('removetrack', this.listen)
    this.listen()
  }

  /** Each picture that is built anew has tracks of its own. */
  private readonly listen = (): void => {
    this.node?.disconnect()
    this.node = null
    const tracks = this.stream?.getAudioTracks().filter((t) => t.readyState === 'live') ?? []
    if (tracks.length === 0) return
    const c = hearing()
    this.analyser ??= new AnalyserNode(c, { fftSize: 2048 })
    this.node = c.createMediaStreamSource(new MediaStream(tracks.slice(-1)))
    this.node.connect(this.analyser)
  }

  /** What a meter shows at a time in seconds; null if this browser cannot tell, or may not yet. */
  level(at: number): Level | null {
    if (this.analyser === null || this.node === null || context?.state !== 'running') return null
    this.analyser.getFloatTimeDomainData(this.samples)
    this.shown = fall(this.shown, levelOf(this.samples), Math.min(1, at - this.at))
    this.at = at
    return this.shown
  }

  close(): void {
    this.stream?.removeEventListener('addtrack', this.listen)
    this.stream?.removeEventListener('removetrack', this.listen)
    this.node?.disconnect()
    this.analyser?.disconnect()
    this.stream?.getTracks().forEach((t) => t.stop())
  }
}
