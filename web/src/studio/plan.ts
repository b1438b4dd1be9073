/** A storyboard that can be chosen. */
export interface Board {
  id: string
  name: string
}

/** A storyboard of a plan, as it stood when the plan was stored. */
interface Planned {
  id: string
  title?: string
  clips?: unknown[]
}

/** A storyboard at a fixed time. */
export interface Slot {
  storyboard: string
  at: string
  days: number[]
  date?: string
  repeat?: boolean
}

/** What a channel plays when nobody is live, as the server keeps it; version 0 is nothing. */
export interface Plan {
  zone: string
  filler: string
  storyboards: Planned[]
  slots?: (Omit<Slot, 'days'> & { days?: number[] })[]
  version: number
  /** It plays nothing but the off-air card. */
  card?: boolean
}

const week = [0, 1, 2, 3, 4, 5, 6]

/** The plan as it is worked on. No day chosen means every day. */
export interface Draft {
  filler: string
  slots: Slot[]
}

/** What there is to work on of a plan. */
export function drafted(p: Plan): Draft {
  return { filler: p.filler, slots: (p.slots ?? []).map((s) => ({ ...s, at: s.at.slice(0, 5), days: s.days?.length === week.length ? [] : (s.days ?? []) })) }
}

/**
 * The plan that is sent. Storyboards of the library are sent by their id, so that they are played as they stand now; those
 * that the library does not have as the plan has them. Nothing that no slot plays is sent.
 */
export function planOf(d: Draft, before: Plan, library: string[], zone: string): Omit<Plan, 'version'> {
  const used = [...new Set([d.filler, ...d.slots.map((s) => s.storyboard)])]
  return {
    zone: before.zone || zone,
    filler: d.filler,
    storyboards: used.map((id) => (library.includes(id) ? { id } : (before.storyboards.find((b) => b.id === id) ?? { id }))),
    slots: d.slots.map((s) => ({ ...s, days: s.date ? undefined : s.days.length === 0 ? week : s.days })) as Plan['slots'] & object,
  }
}

/** The days of the week in the reader's language, Sunday first. */
export function dayNames(): string[] {
  const sunday = Date.UTC(2023, 0, 1)
  return [0, 1, 2, 3, 4, 5, 6].map((d) => new Date(sunday + d * 86_400_000).toLocaleDateString([], { weekday: 'short', timeZone: 'UTC' }))
}
