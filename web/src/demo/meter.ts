/** What became of every picture: pure bookkeeping of what the screen showed. */
import { wrap } from './code'

/** A picture that was put on the screen. */
export interface Frame {
  /** The number drawn into it; null when it could not be read. */
  number: number | null
  /** Its place in the stream, in seconds. */
  media: number
  /** When it was shown, ms. */
  at: number
  /** The browser's own count of pictures put on the screen. */
  presented: number
}

export interface Tally {
  /** Put on the screen. */
  shown: number
  /** Made, and never on the screen: missing in the stream, or jumped over by the player. */
  lost: number
  /** In the stream, and not drawn in time by this computer: its fault, not the stream's. */
  undrawn: number
  stalls: number
  /** ms */
  longest: number
  last: Frame | null
  /** When the picture last went on; null while nothing counts (hidden, paused, not begun). */
  moved: number | null
  /** The player jumped since the last picture. */
  jumped: boolean
  /** The number of the last picture that had one. */
  number: number | null
  /** Pictures shown since then whose number could not be read. */
  unread: number
}

export const empty: Tally = { shown: 0, lost: 0, undrawn: 0, stalls: 0, longest: 0, last: null, moved: null, jumped: false, number: null, unread: 0 }

/** A standstill of less than this is not noticed. */
export const stallFrom = 350

/** How far it is from one number to a later one; negative when it went back. */
export function steps(from: number, to: number): number {
  const d = (((to - from) % wrap) + wrap) % wrap
  return d > wrap / 2 ? d - wrap : d
}

export function frame(t: Tally, f: Frame, fps: number): Tally {
  const { last } = t
  if (last === null || t.moved === null) return { ...t, shown: t.shown + 1, last: f, moved: f.at, jumped: false, number: f.number ?? t.number }
  const step = f.number !== null && t.number !== null ? steps(t.number, f.number) : null
  // The same picture again, as after a jump on the spot, is no progress.
  if (step === 0 || (step === null && f.media === last.media)) return { ...t, last: f }
  const stood = f.at - t.moved
  const stalled = stood > stallFrom
  const next: Tally = {
    ...t,
    stalls: t.stalls + (stalled ? 1 : 0),
    longest: stalled ? Math.max(t.longest, stood) : t.longest,
    last: f,
    moved: f.at,
    jumped: false,
    number: f.number ?? t.number,
    unread: f.number === null ? t.unread + 1 : 0,
  }
  // Back in time: the viewer rewound, or an encoder began anew. Nothing was lost by that.
  if (step === null || step < 0) return { ...next, shown: t.shown + 1 }
  const missing = Math.max(0, step - 1 - t.unread)
  // The browser may have shown pictures that it did not tell of one by one.
  const untold = Math.min(missing, Math.max(0, f.presented - last.presented - 1))
  // What the stream had between the two, it would have shown: this computer was too slow. After a jump nobody knows.
  const through = t.jumped ? 0 : Math.max(0, Math.round((f.media - last.media) * fps) - 1)
  const undrawn = Math.min(missing - untold, Math.max(0, through - untold))
  return { ...next, shown: t.shown + 1 + untold, undrawn: t.undrawn + undrawn, lost: t.lost + missing - untold - undrawn }
}

/** The player jumped. */
export const jump = (t: Tally): Tally => (t.jumped ? t : { ...t, jumped: true })

/** Hidden or paused: what stands still now is nobody's fault. Counting goes on with the next picture. */
export const rest = (t: Tally): Tally => ({ ...t, last: null, moved: null, number: null, unread: 0, jumped: false })

/** How long the picture has been standing, ms; 0 while it moves. */
export function standing(t: Tally, now: number): number {
  const stood = t.moved === null ? 0 : now - t.moved
  return stood > stallFrom ? stood : 0
}

/** The longest stall with the one that is going on. */
export const longest = (t: Tally, now: number): number => Math.max(t.longest, standing(t, now))

/** A death, and when a picture made after it was first on the screen. */
export interface Recovery {
  /** When it was killed, ms since 1970. */
  killed: number
  took: number | null
}

/** The number of the picture that was due at a time. */
export const numberAt = (at: number, epoch: number, fps: number): number => Math.floor(((at - epoch) * fps) / 1000) % wrap

/** A picture that was made after the death and is on the screen proves that all is well again. */
export function recovered(r: Recovery | null, f: Frame, wall: number, epoch: number, fps: number): Recovery | null {
  if (r === null || r.took !== null || f.number === null) return r
  return steps(numberAt(r.killed, epoch, fps), f.number) > 0 && wall >= r.killed ? { ...r, took: wall - r.killed } : r
}
