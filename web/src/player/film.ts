import { signal, type Signal } from '@preact/signals'
import { at } from '../origin'
import { withPass } from '../pass'
import { Captions } from './captions'
import { choose } from './engine'
import type { Options } from './options'
import { begin } from './picture'

/** Something that a channel offers to be played at any time, as the API says it. */
export interface Offered {
  id: string
  kind: 'clip' | 'recording'
  title: string
  made: string
  duration: number
  /** Addresses; the poster's is '' for none. */
  poster: string
  playlist: string
  page: string
}

const text = (v: unknown): string => (typeof v === 'string' ? v : '')

export function readOffered(v: unknown): Offered | null {
  if (typeof v !== 'object' || v === null) return null
  const o = v as Record<string, unknown>
  const [id, playlist] = [text(o['id']), text(o['playlist'])]
  const ours = (path: string) => (path.startsWith('/api/v1/channels/') ? path : '')
  if (!/^[\w-]{1,40}$/.test(id) || ours(playlist) === '') return null
  const duration = o['duration']
  return {
    id, playlist, kind: o['kind'] === 'recording' ? 'recording' : 'clip', title: text(o['title']) || id, made: text(o['made']),
    duration: typeof duration === 'number' && duration > 0 ? duration : 0, poster: ours(text(o['poster'])), page: text(o['page']).startsWith('/') ? text(o['page']) : '',
  }
}

/** What a channel offers, newest first. 'barred' where the viewer may not watch it. */
export async function offered(slug: string): Promise<Offered[] | 'barred' | 'missing'> {
  const response = await fetch(at(withPass(`/api/v1/channels/${encodeURIComponent(slug)}/ondemand`, slug)), { signal: AbortSignal.timeout(10_000) })
  if (response.status === 403 || response.status === 429) return 'barred'
  if (response.status === 404) return 'missing'
  const v = (await response.json()) as { items?: unknown }
  if (!response.ok || !Array.isArray(v.items)) throw new Error('the list cannot be had')
  return v.items.map(readOffered).filter((x) => x !== null)
}

/** Something offered being watched. */
export class Film {
  readonly paused = signal(true)
  readonly muted: Signal<boolean>
  readonly ended = signal(false)
  readonly blocked = signal(false)
  readonly fault = signal('')
  readonly time = signal(0)
  readonly captions: Captions
  private close_ = () => {}
  private readonly off = new AbortController()
  private failed = 0

  constructor(
    readonly slug: string,
    readonly item: Offered,
    readonly video: HTMLVideoElement,
    private readonly options: Options,
  ) {
    video.muted = options.muted
    video.volume = options.volume
    this.muted = signal(options.muted)
    this.captions = new Captions(video, options.captions)
    const { signal: off } = this.off
    const follow = () => {
      this.paused.value = video.paused
      this.ended.value = video.ended
      this.muted.value = video.muted || video.volume === 0
      this.time.value = video.currentTime
    }
    for (const what of ['play', 'pause', 'ended', 'volumechange', 'timeupdate', 'seeked']) video.addEventListener(what, follow, { signal: off })
    const moment = options.moment
    void this.load(moment !== null && 'into' in moment ? Math.min(moment.into, Math.max(0, item.duration - 1)) : 0)
  }

  private async load(begin: number): Promise<void> {
    const { video } = this
    const address = at(withPass(this.item.playlist, this.slug))
    const kind = await choose(video).catch(() => null)
    if (this.off.signal.aborted) return
    if (kind === null || kind.kind === 'none') {
      this.fault.value = kind === null ? 'The player cannot be loaded. Load the page again.' : 'This browser cannot play it.'
      return
    }
    if (kind.kind === 'native') {
      video.addEventListener('loadedmetadata', () => (video.currentTime = begin), { once: true })
      video.src = address
      this.close_ = () => { video.removeAttribute('src'); video.load() }
    } else {
      const hls = new kind.Hls({ enableWorker: false, maxBufferLength: 30, backBufferLength: 60, startPosition: begin })
      hls.on(kind.Hls.Events.ERROR, (_e, data) => {
        if (!data.fatal) return
        // Once more from where it stood; what fails twice within a while is told.
        if (Date.now() - this.failed < 30_000) this.fault.value = 'It cannot be played at the moment. Try again in a while.'
        else void this.again()
      })
      hls.attachMedia(video)
      hls.loadSource(address)
      this.close_ = () => hls.destroy()
    }
    if (this.options.autoplay) this.play()
  }

  private async again(): Promise<void> {
    this.failed = Date.now()
    const stood = this.video.currentTime
    this.close_()
    await this.load(stood)
  }

  play(): void {
    begin(this.video, (blocked) => (this.blocked.value = blocked), () => this.play())
  }

  toggle(): void {
    if (this.video.paused) this.play()
    else this.video.pause()
  }

  sound(on: boolean): void {
    this.video.muted = !on
    if (on && this.video.volume === 0) this.video.volume = 1
    if (on) this.play()
  }

  seek(seconds: number): void {
    const length = this.video.duration
    this.video.currentTime = Math.min(Math.max(0, seconds), Number.isFinite(length) ? length : this.item.duration)
  }

  close(): void {
    this.off.abort()
    this.captions.close()
    this.close_()
  }
}
