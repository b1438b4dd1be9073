import { signal } from '@preact/signals'
import type { Session } from '../player/session'
import { Reader } from './code'
import { entries, state } from './live'
import { empty, frame, jump, longest, recovered, rest, standing, undrawn, type Frame, type Recovery, type Tally } from './meter'

/** The counters of this page, since it was opened or they were set to zero. */
export const tally = signal<Tally>(empty)
export const since = signal(Date.now())
export const recovery = signal<Recovery | null>(null)
export const cuts = signal(0)
/** A clock for what is shown as time passes. */
export const now = signal(performance.now())
export const moving = signal(false)
/** The number drawn into the picture that is on the screen. */
export const onScreen = signal<number | null>(null)

let current: Tally = empty
let slug = ''

export function reset(): void {
  current = { ...current, shown: 0, lost: 0, due: 0, stalls: 0, longest: 0 }
  tally.value = current
  since.value = Date.now()
  recovery.value = null
  cuts.value = 0
}

/** A player that tunes in looks for its distance to life for a moment; that is no loss. */
const tuning = 2500

const channel = () => state.value?.channels.find((c) => c.slug === slug)

/** Watches what a session shows until it is called off. */
export function watch(session: Session): () => void {
  const { video } = session
  slug = session.slug
  current = rest(current)
  const off = new AbortController()
  const reader = new Reader()
  let handle = 0
  let first = 0
  const count = (f: Frame, slack: number) => {
    const fps = channel()?.fps ?? 30
    first ||= f.at
    if (f.at - first > tuning) current = frame(current, f, fps, slack)
    onScreen.value = f.number
    recovery.value = recovered(recovery.value, f, Date.now(), state.value?.epoch ?? 0, fps)
  }
  const see: VideoFrameRequestCallback = (at, meta) => {
    handle = video.requestVideoFrameCallback(see)
    if (document.visibilityState === 'hidden') return
    count({ number: reader.read(video), media: meta.mediaTime, at, presented: meta.presentedFrames }, 0)
  }
  const told = 'requestVideoFrameCallback' in video
  if (told) handle = video.requestVideoFrameCallback(see)
  // A browser that does not tell of each picture is asked five times a second.
  const glance = () => {
    const q = video.getVideoPlaybackQuality?.()
    if (q === undefined || video.readyState < 2 || document.visibilityState === 'hidden') return
    count({ number: reader.read(video), media: video.currentTime, at: performance.now(), presented: q.totalVideoFrames - q.droppedVideoFrames }, 3)
  }
  const { signal } = off
  video.addEventListener('seeking', () => (current = jump(current)), { signal })
  video.addEventListener('pause', () => {
    if (session.paused.value) current = rest(current)
  }, { signal })
  document.addEventListener('visibilitychange', () => (current = rest(current)), { signal })
  const timer = window.setInterval(() => {
    now.value = performance.now()
    if (!told) glance()
    if (session.paused.value || session.rewound.value) current = rest(current)
    tally.value = current
    moving.value = standing(current, now.value) === 0
  }, 200)
  return () => {
    off.abort()
    window.clearInterval(timer)
    if (handle !== 0) video.cancelVideoFrameCallback(handle)
  }
}

/** Cuts and deaths come from the log. */
let read = 0
entries.subscribe((all) => {
  for (const e of all) {
    if (e.id <= read) continue
    read = e.id
    if (e.at < since.value) continue
    if (e.kind === 'cut' && e.slug === slug) cuts.value++
    if (e.kind === 'kill') recovery.value = { killed: e.at, took: null }
  }
})

/** `window.mayflyDemo`: the counters, to look at. Tests rely on it. */
export function expose(): void {
  const view = {
    get shown() { return current.shown },
    get lost() { return current.lost },
    get undrawn() { return undrawn(current) },
    get stalls() { return current.stalls },
    get longest() { return longest(current, performance.now()) },
    get cuts() { return cuts.value },
    get recovered() { return recovery.value?.took ?? null },
    get number() { return onScreen.value },
    get nodes() { return Object.fromEntries((state.value?.nodes ?? []).map((n) => [n.name, n.state])) },
    get intake() { return channel()?.node ?? '' },
    get bucket() { return state.value?.bucket.away === true ? 'away' : 'there' },
  }
  for (const k of Object.keys(view)) Object.defineProperty(view, k, { enumerable: true })
  Object.defineProperty(window, 'mayflyDemo', { value: view, writable: false, configurable: true })
}
