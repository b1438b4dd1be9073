/** The last minutes as lanes of stretches: pure. */
import type { State } from './live'

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

/** Where a stretch lies, as parts of the whole (0 to 1); null when it is out of sight. */
export function place(s: Stretch, now: number): { at: number; wide: number } | null {
  const from = Math.max(0, 1 - (now - s.from) / span)
  const to = s.to === null ? 1 : 1 - (now - s.to) / span
  return to <= 0 || to < from ? null : { at: from, wide: to - from }
}
