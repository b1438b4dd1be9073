import type Hls from 'hls.js/light'
import { fetched } from '../again'
import { trim } from '../player/trim'
import { Ear } from './ear'

/** How long after a fault a picture is asked for again. */
const again = 1500

/**
 * A small picture of a live playlist, as near to life as it gets, for as long as it is wanted. It has no controls,
 * and at any fault it is thrown away and made anew.
 */
export class Monitor {
  private hls: Hls | null = null
  private timer = 0
  private url = ''
  private heard: Ear | null = null
  private last: number | null = null

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly pictured: (there: boolean) => void,
  ) {
    video.muted = true
    video.playsInline = true
    video.addEventListener('playing', () => this.pictured(true))
    video.addEventListener('timeupdate', () => (this.last = this.playing() ?? this.last))
  }

  /** What measures how loud it is; null before it plays. */
  ear(): Ear | null {
    if (this.heard === null && this.video.readyState >= 2) this.heard = new Ear(this.video)
    return this.heard
  }

  /** The program time of what is shown, or while it waits for more of what was shown last, epoch ms; null if it is not known. */
  date(): number | null {
    return this.playing() ?? this.last
  }

  /** How far what is shown is behind what is sent, in seconds; null if it is not known. */
  delay(now: number): number | null {
    const at = this.playing()
    return at === null ? null : Math.max(0, (now - at) / 1000)
  }

  private playing(): number | null {
    return this.video.readyState < 2 ? null : (this.hls?.playingDate?.getTime() ?? null)
  }

  /** The program date at a position, epoch ms; null if it is not known. */
  dateAt(position: number): number | null {
    const at = this.hls?.playingDate?.getTime()
    return at === undefined ? null : at + (position - this.video.currentTime) * 1000
  }

  /** Lets people hear it, or not. */
  listen(on: boolean): void {
    this.video.muted = !on
  }

  /** Shows another playlist, or with '' none. */
  show(url: string): void {
    if (url === this.url) return
    this.close()
    this.url = url
    if (url !== '') void this.build(url)
  }

  /** Ends it for good. */
  end(): void {
    this.close()
    this.heard?.close()
    this.heard = null
  }

  close(): void {
    window.clearTimeout(this.timer)
    this.url = ''
    this.last = null
    this.hls?.destroy()
    this.hls = null
    this.pictured(false)
  }

  private async build(url: string): Promise<void> {
    const { default: Class } = await fetched(() => import('hls.js/light'))
    if (this.url !== url || this.hls !== null) return
    const hls = new Class({
      lowLatencyMode: true, liveSyncDuration: 1.2, maxLiveSyncPlaybackRate: 1.3, liveMaxLatencyDuration: 6,
      backBufferLength: Infinity, maxBufferLength: 8, testBandwidth: false, enableWorker: false,
    })
    this.hls = hls
    hls.on(Class.Events.ERROR, (_e, data) => {
      if (!data.fatal && data.details !== Class.ErrorDetails.LEVEL_PARSING_ERROR) return
      hls.destroy()
      if (this.hls !== hls) return
      this.hls = null
      this.pictured(false)
      this.timer = window.setTimeout(() => void this.build(url), again)
    })
    trim(hls, Class.Events, this.video, 4)
    hls.on(Class.Events.MEDIA_ATTACHED, () => void this.video.play().catch(() => {})) // muted, so it is allowed; a page in the background plays when it is seen
    hls.attachMedia(this.video)
    hls.loadSource(url)
  }
}
