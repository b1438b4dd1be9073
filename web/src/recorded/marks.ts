import { signal } from '@preact/signals'
import { clock } from '../words'

/** What is marked of a program, in program time, epoch ms; null where nothing is. */
export interface Marks {
  from: number | null
  to: number | null
}

export const none: Marks = { from: null, to: null }

/** The longest clip that is cut at once, in ms. */
export const longest = 6 * 3600_000

/** Marks with the beginning at a moment. An end that does not lie behind it is taken away. */
export function markFrom(m: Marks, at: number): Marks {
  return { from: at, to: m.to !== null && m.to > at ? m.to : null }
}

/** Marks with the end at a moment. A beginning that does not lie before it is taken away. */
export function markTo(m: Marks, at: number): Marks {
  return { from: m.from !== null && m.from < at ? m.from : null, to: at }
}

/** What keeps a clip from being made of marks, '' if nothing does. */
export function lacking(m: Marks): string {
  if (m.from === null) return 'Mark where it begins.'
  if (m.to === null) return 'Mark where it ends.'
  return m.to - m.from > longest ? 'That is more than six hours: mark less.' : ''
}

/** A moment as the API reads it. */
export const moment = (at: number): string => new Date(at).toISOString()

/** A moment as people of this place say it, to the tenth of a second. */
export function timeOf(at: number): string {
  const d = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${Math.floor(d.getMilliseconds() / 100)}`
}

/** The marks that somebody sets in what is seen; now says what that is, in program time, and null while nothing is seen. */
export class Marking {
  readonly marks = signal(none)
  /** Why the last mark was not set, '' if it was. */
  readonly refused = signal('')

  constructor(private readonly now: () => number | null) {}

  readonly in = (): void => this.set(markFrom)
  readonly out = (): void => this.set(markTo)

  readonly forget = (): void => {
    this.marks.value = none
    this.refused.value = ''
  }

  private set(mark: (m: Marks, at: number) => Marks): void {
    const at = this.now()
    this.refused.value = at === null ? 'There is no picture of what viewers see: mark again when it plays.' : ''
    if (at !== null) this.marks.value = mark(this.marks.value, at)
  }
}

/** What is marked, for people. */
export function marked(m: Marks): string {
  if (m.from === null && m.to === null) return 'Nothing is marked.'
  if (m.from === null) return `Ends at ${timeOf(m.to!)}. ${lacking(m)}`
  if (m.to === null) return `Begins at ${timeOf(m.from)}. ${lacking(m)}`
  return `From ${timeOf(m.from)} to ${timeOf(m.to)}, ${clock((m.to - m.from) / 1000)} long. ${lacking(m)}`.trim()
}
