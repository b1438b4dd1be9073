import type { Film } from './film'
import type { Session } from './session'

/** What a player says of itself to the page that it stands on. Nothing that not everybody may know. */
export interface View {
  channel: string
  item: string
  state: string
  paused: boolean
  muted: boolean
  volume: number
  /** Seconds: into something offered, else 0. */
  time: number
  duration: number
  /** Time of day of the picture, '' while it is not known. */
  date: string
  behind: number
  latency: number | null
  viewers: number
  ended: boolean
}

export interface Control {
  view(): View
  act(what: string, value: unknown): void
}

const round = (n: number): number => Math.round(n * 10) / 10

export function controlOfSession(s: Session): Control {
  return {
    view: () => ({
      channel: s.slug, item: '', state: s.state.value, paused: s.paused.value || s.idle.value || s.blocked.value, muted: s.muted.value, volume: round(s.video.volume), time: 0, duration: 0,
      date: s.date === null ? '' : new Date(s.date).toISOString(), behind: round(s.behind.value), latency: s.latency.value === null ? null : round(s.latency.value),
      viewers: s.status.value?.viewers ?? 0, ended: false,
    }),
    act(what, value) {
      if (what === 'play') s.play()
      else if (what === 'pause') s.video.pause()
      else if (what === 'mute') s.video.muted = true
      else if (what === 'unmute') s.sound(true)
      else if (what === 'volume' && number(value)) s.video.volume = Math.min(1, Math.max(0, value))
      else if (what === 'live') s.goLive()
      else if (what === 'seek' && number(value)) s.goBack(Math.max(0, value))
      else if (what === 'date' && number(value)) s.goTo(value)
    },
  }
}

export function controlOfFilm(f: Film): Control {
  return {
    view: () => ({
      channel: f.slug, item: f.item.id, state: f.fault.value !== '' ? 'unplayable' : f.ended.value ? 'ended' : f.video.readyState < 2 ? 'connecting' : 'playing',
      paused: f.paused.value, muted: f.muted.value, volume: round(f.video.volume), time: round(f.time.value), duration: round(f.item.duration), date: '', behind: 0, latency: null, viewers: 0, ended: f.ended.value,
    }),
    act(what, value) {
      if (what === 'play') f.play()
      else if (what === 'pause') f.video.pause()
      else if (what === 'mute') f.video.muted = true
      else if (what === 'unmute') f.sound(true)
      else if (what === 'volume' && number(value)) f.video.volume = Math.min(1, Math.max(0, value))
      else if (what === 'seek' && number(value)) f.seek(value)
    },
  }
}

const number = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v)

/** What of a view is told at once; the rest once a second. */
const told = (v: View): string => JSON.stringify([v.state, v.paused, v.muted, v.volume, v.ended, v.viewers])

/** Lets the page that frames this one steer the player, and tells it what the player does. */
export function serveFrame(control: () => Control | null): () => void {
  const page = window.parent
  if (page === window) return () => {}
  let last = ''
  let ticked = 0
  const tell = (type: 'state' | 'time', view: View) => page.postMessage({ mayfly: 1, type, view }, '*')
  const hear = (e: MessageEvent) => {
    const m = e.data as { mayfly?: unknown; do?: unknown; value?: unknown } | null
    const c = control()
    if (e.source !== page || typeof m !== 'object' || m === null || m.mayfly !== 1 || typeof m.do !== 'string' || c === null) return
    if (m.do === 'hello') tell('state', c.view())
    else c.act(m.do, m.value)
  }
  window.addEventListener('message', hear)
  const timer = window.setInterval(() => {
    const v = control()?.view()
    if (v === undefined) return
    const now = Date.now()
    if (told(v) !== last) {
      last = told(v)
      tell('state', v)
    } else if (!v.paused && now - ticked >= 1000) {
      ticked = now
      tell('time', v)
    }
  }, 200)
  return () => {
    window.clearInterval(timer)
    window.removeEventListener('message', hear)
  }
}
