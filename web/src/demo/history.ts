/** The last minutes as lanes of stretches: pure. */
import type { Entry, State } from './live'

export interface Stretch {
  from: number
  /** null: it goes on. */
  to: number | null
  kind: string
}

export type Lanes = Readonly<Record<string, readonly Stretch[]>>

export const span = 120_000

/** What a node's lane shows. */
export const laneOf = (n: { state: string; cut: boolean }): string => (n.state === 'ready' && n.cut ? 'cut' : n.state)

/** Adds what is the case now; what ended before the span is forgotten. */
export function note(lanes: Lanes, lane: string, kind: string, now: number, since = now): Lanes {
  const list = lanes[lane] ?? []
  if (list.length === 0) return { ...lanes, [lane]: [{ from: Math.min(since, now), to: null, kind }] }
  const last = list[list.length - 1]
  if (last !== undefined && last.to === null && last.kind === kind) return lanes
  const closed = last !== undefined && last.to === null ? [...list.slice(0, -1), { ...last, to: now }] : list
  return { ...lanes, [lane]: [...closed.filter((s) => s.to === null || s.to > now - span), { from: now, to: null, kind }] }
}

export function noteAll(lanes: Lanes, s: State | null, moving: boolean, begun: boolean, now: number): Lanes {
  let next = lanes
  if (begun) next = note(next, 'picture', moving ? 'moving' : 'standing', now)
  if (s === null) return next
  for (const n of s.nodes) next = note(next, n.name, laneOf(n), now, n.since || now)
  return note(next, 'bucket', s.bucket.away ? 'away' : 'there', now, s.bucket.since || s.epoch || now)
}

/** What happened before the page was opened, from the log. */
export function before(entries: readonly Entry[]): Lanes {
  const kinds: Record<string, string> = { start: 'starting', ready: 'ready', kill: 'dead', dead: 'dead' }
  let lanes: Lanes = {}
  for (const e of entries) {
    const kind = e.kind === 'bucket' ? (e.on ? 'away' : 'there') : e.kind === 'mesh' ? (e.on ? 'cut' : 'ready') : kinds[e.kind]
    const lane = e.kind === 'bucket' ? 'bucket' : e.node
    if (kind === undefined || lane === '') continue
    if (lane === 'bucket' && lanes[lane] === undefined) lanes = note(lanes, lane, e.on ? 'there' : 'away', e.at, entries[0]!.at)
    lanes = note(lanes, lane, kind, e.at)
  }
  return lanes
}

/** Where a stretch lies, as parts of the whole (0 to 1); null when it is out of sight. */
export function place(s: Stretch, now: number): { at: number; wide: number } | null {
  const from = Math.max(0, 1 - (now - s.from) / span)
  const to = s.to === null ? 1 : 1 - (now - s.to) / span
  return to <= 0 || to < from ? null : { at: from, wide: to - from }
}
