/** One thing that happens in a show. */
export interface Step {
  id: string
  version: number
  source?: string
  note?: string
  /** Planned, in seconds; absent: open. */
  duration?: number
  /** Ids of graphics that are shown. */
  graphics?: string[]
}

export interface Rundown {
  steps: Step[]
  current?: string
  since: string
}

/** Which step is on and which comes next, by their places; -1 for none. */
export function whereIs(r: Rundown): { on: number; next: number } {
  const on = r.steps.findIndex((s) => s.id === r.current)
  const next = on + 1
  return { on, next: next < r.steps.length ? next : -1 }
}

/** Seconds until the step that is on should end; negative when it is over its time, null if that is open. */
export function left(r: Rundown, now: number): number | null {
  const step = r.steps[whereIs(r).on]
  return step?.duration ? step.duration - (now - Date.parse(r.since)) / 1000 : null
}

/** Behind which step one lies after it was moved by so many places up or down; null if it stays. '' is the beginning. */
export function behind(r: Rundown, id: string, by: -1 | 1): string | null {
  const at = r.steps.findIndex((s) => s.id === id)
  if (at < 0 || at + by < 0 || at + by >= r.steps.length) return null
  const rest = r.steps.filter((s) => s.id !== id)
  return rest[at + by - 1]?.id ?? ''
}

/** "1:30", "90 s" or "2" (minutes) as seconds; '' is open, null none of these. */
export function seconds(text: string): number | null {
  const t = text.trim()
  if (t === '') return 0
  const clock = /^(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)$/.exec(t)
  if (clock) return Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3])
  const plain = /^(\d{1,5}(?:[.,]\d+)?)\s*(s|min)?$/.exec(t)
  return plain ? Math.round(Number(plain[1]!.replace(',', '.')) * (plain[2] === 's' ? 1 : 60)) : null
}
