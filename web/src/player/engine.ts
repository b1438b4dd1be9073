import type Hls from 'hls.js'
import { fetched } from '../again'
import { at } from '../origin'
import { withPass } from '../pass'
import { inband } from './inband'
import type { Mode } from './plan'
import { dateAt, durationOf, lastKeyframe, positionOf, type Piece } from './timeline'
import { trim } from './trim'

/** One way of playing one playlist. It is thrown away at any fatal fault, never mended. */
export interface Engine {
  readonly mode: Mode
  readonly kind: 'hls' | 'native'
  /** The newest position that could be played, or null while nothing is known. */
  edge(): number | null
  /** The oldest position that is listed. */
  begin(): number | null
  /** The program date at a position, epoch ms. */
  dateAt(position: number): number | null
  /** Plays only the quality of that height, or with 0 what the network allows. */
  limit(height: number): void
  /** It began at a keyframe further back than was wished; the wish can be fulfilled when what lies between is there. */
  early: boolean
  /** What it is at, for who looks into a picture that stands still. */
  inside(): string
  /** Looks anew for what to load, if it rests although there is more. */
  nudge(position: number): void
  destroy(): void
}

/** What hls.js keeps to itself of what it is at. */
interface Loading {
  state: string
  nextLoadPosition?: number
  loadingParts?: boolean
  fragCurrent?: { sn: number | string; stats?: { loading: { start: number; end: number } } } | null
}

export interface Wish {
  mode: Mode
  slug: string
  /** Begin at this program date (epoch ms) instead of the live edge. */
  date: number | null
  /** Or this many seconds behind the live edge. */
  behind: number | null
  /** How near to the live edge to begin, in seconds. */
  target: number
  /** The quality that the viewer chose, 0 for what the network allows. */
  height: number
  fatal(reason: string): void
  /** Which qualities there are. */
  qualities(all: Quality[]): void
  /** Which one plays. */
  playing(height: number): void
  /** What is said beside requests for playlists, as headers. */
  tell(): Record<string, string>
}

export interface Quality {
  height: number
  /** bit/s */
  bitrate: number
}

export const playlist = (slug: string, mode: Mode): string => at(withPass(`/${encodeURIComponent(slug)}/${mode === 'live' ? 'index' : 'dvr'}.m3u8`, slug))

type HlsClass = typeof Hls
type Kind = { kind: 'hls'; Hls: HlsClass } | { kind: 'native' } | { kind: 'none' }

/** hls.js first: Chromium says that it "may" play HLS itself, but only hls.js is near to life and can be watched over. */
export async function choose(video: HTMLVideoElement): Promise<Kind> {
  const { default: Hls } = await fetched(() => import('hls.js'))
  if (Hls.isSupported()) return { kind: 'hls', Hls }
  if (video.canPlayType('application/vnd.apple.mpegurl') !== '') return { kind: 'native' }
  return { kind: 'none' }
}

export function build(kind: Kind, video: HTMLVideoElement, wish: Wish): Engine {
  if (kind.kind === 'hls') return new HlsEngine(kind.Hls, video, wish)
  return new NativeEngine(video, wish)
}

/** Retries inside hls.js, before the engine is given up and built anew. A connection refused (code 0) is tried again too. */
const retry = (maxNumRetry: number) => ({
  maxNumRetry,
  retryDelayMs: 500,
  maxRetryDelayMs: 1500,
  shouldRetry: (config: { maxNumRetry: number } | null | undefined, count: number, _timeout: boolean, response: { code?: number } | undefined, would: boolean) =>
    would || (config != null && count < config.maxNumRetry && response?.code === 0),
})

const policy = (firstByte: number, whole: number, retries: number) => ({
  default: { maxTimeToFirstByteMs: firstByte, maxLoadTimeMs: whole, timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 }, errorRetry: retry(retries) },
})

/** How many seconds the long playlist lists; null when it cannot be had. */
export async function measure(slug: string): Promise<number | null> {
  try {
    const all = await fetch(playlist(slug, 'dvr'))
    if (!all.ok) return null
    const first = (await all.text()).split('\n').find((line) => line !== '' && !line.startsWith('#'))
    const media = await fetch(new URL(first?.trim() ?? '', all.url))
    return media.ok ? durationOf(await media.text()) : null
  } catch {
    return null
  }
}

/** Whether a channel that lets in only so many has no room just now. What goes wrong otherwise is met again by the player. */
export async function isFull(slug: string): Promise<boolean> {
  try {
    const response = await fetch(playlist(slug, 'live'), { signal: AbortSignal.timeout(6_000) })
    if (response.status !== 503) return false
    const said: unknown = await response.json()
    return typeof said === 'object' && said !== null && 'kind' in said && said.kind === 'full'
  } catch {
    return false
  }
}

class HlsEngine implements Engine {
  readonly kind = 'hls'
  readonly mode: Mode
  early = false
  private hls: Hls | null

  constructor(Class: HlsClass, video: HTMLVideoElement, wish: Wish) {
    this.mode = wish.mode
    const live = wish.mode === 'live'
    const hls = new Class({
      lowLatencyMode: live,
      timelineController: inband(Class),
      // The playlist's target duration is 4 s for ever, so distances are given in seconds, not in durations.
      liveSyncDuration: live ? wish.target : 6,
      liveSyncOnStallIncrease: 0, // the page keeps the latency itself (pace.ts)
      maxLiveSyncPlaybackRate: 1,
      backBufferLength: Infinity, // see trim
      maxBufferLength: 30,
      maxMaxBufferLength: 60,
      startFragPrefetch: true,
      testBandwidth: false,
      xhrSetup: (xhr, url) => {
        // Another origin would be asked first whether it takes these headers, each time.
        if (!new URL(url, location.href).pathname.endsWith('.m3u8') || new URL(url, location.href).origin !== location.origin) return
        xhr.open('GET', url, true)
        for (const [name, value] of Object.entries(wish.tell())) xhr.setRequestHeader(name, value)
      },
      enableWorker: false, // fragmented MP4 needs no work of its own thread
      manifestLoadPolicy: policy(10_000, 20_000, 4),
      playlistLoadPolicy: policy(10_000, 20_000, live ? 12 : 1000),
      fragLoadPolicy: policy(10_000, 60_000, 6),
    })
    this.hls = hls
    const { Events, ErrorDetails } = Class
    hls.on(Events.ERROR, (_e, data) => {
      // A playlist that contradicts the one before cannot be played on: load the stream anew.
      const mismatch = data.details === ErrorDetails.LEVEL_PARSING_ERROR
      if (data.fatal || mismatch) wish.fatal(`${data.details}${data.error ? `: ${data.error.message}` : ''}`)
    })
    hls.on(Events.MANIFEST_PARSED, () => {
      wish.qualities(hls.levels.map((l) => ({ height: l.height, bitrate: l.bitrate })))
      if (wish.height > 0) this.limit(wish.height)
    })
    hls.on(Events.LEVEL_SWITCHED, (_e, data) => wish.playing(hls.levels[data.level]?.height ?? 0))
    let placed = false
    hls.on(Events.LEVEL_UPDATED, () => {
      if (placed || this.hls === null) return
      placed = true
      const at = live ? this.keyframe() : this.place(wish)
      if (at === null) return
      video.currentTime = at
      // Where the first fragment comes late, hls.js would go from there to a start of its own.
      if (live) hls.startLoad(at)
    })
    trim(hls, Events, video, live ? 55 : 90)
    hls.attachMedia(video)
    hls.loadSource(playlist(wish.slug, wish.mode))
  }

  limit(height: number): void {
    const { hls } = this
    if (hls === null || hls.levels.length < 2) return
    // The best of that height; where there is none any more, the next below it.
    let best = -1
    hls.levels.forEach((l, i) => {
      const before = hls.levels[best]
      if (l.height <= height && (before === undefined || l.height > before.height || (l.height === before.height && l.bitrate > before.bitrate))) best = i
    })
    hls.nextLevel = height === 0 ? -1 : Math.max(best, 0)
  }

  private pieces(): Piece[] {
    const d = this.hls?.latestLevelDetails
    if (!d) return []
    const list = d.fragmentHint ? [...d.fragments, d.fragmentHint] : d.fragments
    return list.map((f) => ({ start: f.start, duration: f.duration, date: f.programDateTime }))
  }

  private place(wish: Wish): number | null {
    const begin = this.begin()
    const edge = this.edge()
    if (begin === null || edge === null) return null
    const found = wish.date !== null ? positionOf(this.pieces(), wish.date) : null
    const at = found ?? edge - (wish.behind ?? 6)
    return Math.min(Math.max(at, begin + 0.1), Math.max(begin + 0.1, edge - 1))
  }

  /** With keyframes far apart, the place to begin: nothing can be shown before the keyframe. Null when it is near anyway. */
  private keyframe(): number | null {
    const d = this.hls?.latestLevelDetails
    const wished = this.hls?.liveSyncPosition
    if (!d?.partList || wished == null) return null
    const at = lastKeyframe(d.partList, wished)
    this.early = at !== null
    return at
  }

  edge(): number | null {
    const d = this.hls?.latestLevelDetails
    if (!d || d.fragments.length === 0) return null
    // Between two playlists the edge goes on with the clock, but not for long: it may have stopped.
    // A playlist of whole segments grows in greater steps.
    return d.edge + Math.min(Math.max(d.age, 0), this.mode === 'live' ? 0.5 : 4)
  }

  begin(): number | null {
    const d = this.hls?.latestLevelDetails
    return d && d.fragments.length > 0 ? d.fragmentStart : null
  }

  dateAt(position: number): number | null {
    const d = this.hls?.latestLevelDetails
    if (!d) return null
    const date = (f: { programDateTime: number | null }) => f.programDateTime // asked with each picture
    return (d.fragmentHint ? dateAt([d.fragmentHint], position, date) : null) ?? dateAt(d.fragments, position, date)
  }

  nudge(position: number): void {
    const c = (this.hls as unknown as { streamController?: Loading } | null)?.streamController
    if (c?.state !== 'IDLE') return
    c.loadingParts = false // the whole segment, if it finds no part that goes on
    this.hls?.startLoad(position)
  }

  inside(): string {
    const c = (this.hls as unknown as { streamController?: Loading } | null)?.streamController
    const f = c?.fragCurrent
    const loading = f?.stats?.loading
    return c === undefined ? '' : `${c.state} at ${Number(c.nextLoadPosition).toFixed(1)}${c.loadingParts ? ' by parts' : ''}${f && loading ? `, number ${f.sn} asked ${loading.start > 0 ? ((performance.now() - loading.start) / 1000).toFixed(1) : '?'} s ago${loading.end > 0 ? ' and here' : ''}` : ''}`
  }

  destroy(): void {
    this.hls?.destroy()
    this.hls = null
  }
}

/** Safari's own player, where Media Source is missing (older iPhones): ordinary latency, the same states. */
class NativeEngine implements Engine {
  readonly kind = 'native'
  readonly mode: Mode
  early = false
  private readonly off = new AbortController()

  constructor(
    private readonly video: HTMLVideoElement,
    wish: Wish,
  ) {
    this.mode = wish.mode
    const { signal } = this.off
    video.addEventListener('error', () => wish.fatal(`video error ${video.error?.code ?? ''}`), { signal })
    // A playlist without an end does not end: it was cut off.
    video.addEventListener('ended', () => wish.fatal('ended'), { signal })
    video.addEventListener(
      'loadedmetadata',
      () => {
        const edge = this.edge()
        const begin = this.begin()
        if (wish.mode !== 'dvr' || edge === null || begin === null) return
        const zero = this.zero()
        const found = wish.date !== null && zero !== null ? (wish.date - zero) / 1000 : null
        video.currentTime = Math.min(Math.max(found ?? edge - (wish.behind ?? 6), begin), edge)
      },
      { signal },
    )
    video.src = playlist(wish.slug, wish.mode)
  }

  /** The browser chooses by itself and says nothing of it. */
  limit(): void {}

  /** The date of position 0, which Safari knows. */
  private zero(): number | null {
    const v = this.video as HTMLVideoElement & { getStartDate?: () => Date }
    const t = v.getStartDate?.().getTime()
    return t === undefined || Number.isNaN(t) ? null : t
  }

  edge(): number | null {
    const s = this.video.seekable
    return s.length > 0 ? s.end(s.length - 1) : null
  }

  begin(): number | null {
    const s = this.video.seekable
    return s.length > 0 ? s.start(0) : null
  }

  dateAt(position: number): number | null {
    const zero = this.zero()
    return zero === null ? null : zero + position * 1000
  }

  nudge(): void {} // it looks by itself

  inside(): string {
    return `network ${this.video.networkState}`
  }

  destroy(): void {
    this.off.abort()
    this.video.removeAttribute('src')
    this.video.load()
  }
}

/** The best of each height, the highest first. */
export function bestOf(all: Quality[]): Quality[] {
  const best = new Map<number, Quality>()
  for (const q of all) if (q.height > 0 && q.bitrate > (best.get(q.height)?.bitrate ?? -1)) best.set(q.height, q)
  return [...best.values()].sort((a, b) => b.height - a.height)
}
