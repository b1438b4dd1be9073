import { signal } from '@preact/signals'

type Safari = HTMLVideoElement & { webkitShowPlaybackTargetPicker?: () => void; webkitCurrentPlaybackTargetIsWireless?: boolean }

/**
 * Sends what plays to another screen, where the browser does that by itself: AirPlay in Safari, Remote Playback in
 * Chrome. Neither takes what hls.js feeds, so another screen gets the playlist's address, in a video of its own, and
 * plays it at ordinary latency while the page rests.
 */
export class Cast {
  readonly name: 'AirPlay' | 'Cast'
  /** There is a screen to send to. */
  readonly there = signal(false)
  /** It plays there. */
  readonly on = signal(false)
  private readonly video: Safari = document.createElement('video')

  constructor(private readonly address: () => string) {
    const { video } = this
    video.preload = 'none'
    this.name = 'WebKitPlaybackTargetAvailabilityEvent' in window ? 'AirPlay' : 'Cast'
    if (this.name === 'AirPlay') {
      video.addEventListener('webkitplaybacktargetavailabilitychanged', (e) => (this.there.value = (e as Event & { availability?: string }).availability === 'available'))
      video.addEventListener('webkitcurrentplaybacktargetiswirelesschanged', () => this.turned(video.webkitCurrentPlaybackTargetIsWireless === true))
      return
    }
    if (!('remote' in video) || video.canPlayType('application/vnd.apple.mpegurl') === '') return
    video.src = address()
    video.remote.watchAvailability((available) => (this.there.value = available)).catch(() => {})
    video.remote.addEventListener('connect', () => this.turned(true))
    video.remote.addEventListener('disconnect', () => this.turned(false))
  }

  /** Lets the viewer choose a screen. */
  prompt(): void {
    const { video } = this
    if (!this.on.value) video.src = this.address()
    if (this.name === 'AirPlay') video.webkitShowPlaybackTargetPicker?.()
    else video.remote.prompt().catch(() => {}) // the viewer thought better of it
  }

  close(): void {
    this.video.removeAttribute('src')
    this.video.load()
  }

  private turned(on: boolean): void {
    this.on.value = on
    if (on) void this.video.play().catch(() => {})
    else this.video.pause()
  }
}
