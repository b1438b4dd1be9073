/** What became of every picture: pure bookkeeping of what the screen showed. */
import { wrap } from './code'

/** A picture that was put on the screen. */
export interface Frame {
  /** The number drawn into it; null when it could not be read. It may be that of the next one: a canvas gets the newest. */
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
  /** Made, and never to be seen: missing in the stream, or jumped over by the player. */
  lost: number
  /** Of what the stream had, how much the screen should have shown. */
  due: number
  stalls: number
  /** ms */
  longest: number
  last: Frame | null
  /** When the picture last went on; null while nothing counts (hidden, paused, not begun). */
  moved: number | null
  /** The player jumped since the last picture. */
  jumped: boolean
  /** The newest number, and what numbers are ahead of the place in the stream; null when none was read yet. */
  number: number | null
  phase: number | null
  /** Numbers that do not fit the phase: how many in a row, and the nearest of them. */
  odd: number
  nearest: number
  /** What was last taken for lost at once: it may turn out to be there. */
  believed: number
}

export const empty: Tally = {
  shown: 0, lost: 0, due: 0, stalls: 0, longest: 0, last: null, moved: null, jumped: false, number: null, phase: null, odd: 0, nearest: 0, believed: 0,
}

/** A standstill of less than this is not noticed. */
export const stallFrom = 350
/** So many numbers in a row must say that something is missing. One or two may be those of a picture drawn since. */
export const proof = 8

/** How far it is from one number to a later one; negative when it went back. */
export function steps(from: number, to: number): number {
  const d = (((to - from) % wrap) + wrap) % wrap
  return d > wrap / 2 ? d - wrap : d
}

/** With slack, numbers may differ from the place in the stream by so many and count as equal: for a place known less well. */
export function frame(t: Tally, f: Frame, fps: number, slack = 0): Tally {
  const { last } = t
  const place = f.media * fps
  if (last === null || t.moved === null) {
    return { ...t, shown: t.shown + 1, due: t.due + 1, last: f, moved: f.at, jumped: false, number: f.number, phase: f.number === null ? null : f.number - place, odd: 0 }
  }
  if (f.media === last.media && f.number === last.number) return { ...t, last: f } // the same picture again is no progress
  const stood = f.at - t.moved
  const stalled = stood > stallFrom
  const drawn = Math.max(1, f.presented - last.presented)
  const next: Tally = {
    ...t,
    shown: t.shown + drawn,
    stalls: t.stalls + (stalled ? 1 : 0),
    longest: stalled ? Math.max(t.longest, stood) : t.longest,
    last: f,
    moved: f.at,
  }
  return t.jumped ? landed(next, f, place, drawn) : went(next, f, place, Math.round((f.media - last.media) * fps), slack)
}

/** After a jump the numbers alone count: what lies between was not shown, whatever the stream had. */
function landed(t: Tally, f: Frame, place: number, drawn: number): Tally {
  if (f.number === null) return { ...t, due: t.due + drawn }
  const over = t.number === null ? 0 : steps(t.number, f.number) - 1
  return { ...t, due: t.due + drawn, lost: t.lost + Math.max(0, over), jumped: false, number: f.number, phase: f.number - place, odd: 0 }
}

/** Played through: the number keeps step with the place in the stream, unless pictures are missing in it. */
function went(t: Tally, f: Frame, place: number, due: number, slack: number): Tally {
  const next = { ...t, due: t.due + Math.max(0, due) }
  if (f.number === null) return next
  next.number = f.number
  if (t.phase === null) return { ...next, phase: f.number - place }
  const expected = Math.round(t.phase + place)
  const off = steps(((expected % wrap) + wrap) % wrap, f.number)
  if (Math.abs(off) <= slack) return { ...next, odd: 0 }
  const nearest = t.odd > 0 && t.nearest > 0 === off > 0 ? (Math.abs(off) < Math.abs(t.nearest) ? off : t.nearest) : off
  const odd = t.odd > 0 && t.nearest > 0 === off > 0 ? t.odd + 1 : 1
  if (odd < proof) return { ...next, odd, nearest }
  const turned = { ...next, phase: t.phase + nearest, odd: 0 }
  if (nearest > 0) return { ...turned, lost: t.lost + nearest, believed: nearest } // so many are missing
  // It goes back: by as many, and they were not missing; else pictures come again, of an encoder that began anew or a take
  // that overlaps the one before, and nothing was lost by that.
  return { ...turned, lost: -nearest === t.believed ? Math.max(0, t.lost + nearest) : t.lost, believed: 0 }
}

/** Nobody knows what was lost where the numbers cannot be read. */
export const blind = (t: Tally): boolean => t.shown > 60 && t.number === null

/** In the stream, and not drawn in time by this computer: its fault, not the stream's. */
export const undrawn = (t: Tally): number => Math.max(0, t.due - t.shown)

/** The player jumped. */
export const jump = (t: Tally): Tally => (t.jumped ? t : { ...t, jumped: true })

/** Hidden or paused: what stands still now is nobody's fault. Counting goes on with the next picture. */
export const rest = (t: Tally): Tally => ({ ...t, last: null, moved: null, number: null, phase: null, odd: 0, jumped: false })

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
