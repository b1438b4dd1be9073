/** Times of a playlist: positions in the player's seconds, dates in epoch milliseconds. Pure. */

export interface Piece {
  start: number
  duration: number
  /** The program date of its start, epoch ms. */
  date: number | null
}

/** The program date at a position, from the piece it lies in or the nearest one before it. */
export function dateAt<P extends { start: number }>(pieces: readonly P[], position: number, dateOf: (p: P) => number | null): number | null {
  for (let i = pieces.length - 1; i >= 0; i--) {
    const p = pieces[i]!
    const date = p.start <= position + 0.001 ? dateOf(p) : null
    if (date !== null) return date + (position - p.start) * 1000
  }
  return null
}

/** The position of a program date: where it is, or the first one after it when it falls into a gap. Null when it is not listed. */
export function positionOf(pieces: readonly Piece[], date: number): number | null {
  for (const p of pieces) {
    if (p.date === null) continue
    if (date < p.date) return p.start
    if (date < p.date + p.duration * 1000) return p.start + (date - p.date) / 1000
  }
  return null
}

/** How many seconds can be gone back: what the long playlist lists when that is known, else what must be there by now. */
export function reach(listed: number, complete: boolean, measured: number | null, dvrWindow: number, onAirFor: number): number {
  if (complete) return listed
  return Math.max(listed, Math.min(dvrWindow, measured ?? onAirFor))
}

/** The sum of the segments of a media playlist, in seconds. */
export function durationOf(playlist: string): number {
  let sum = 0
  for (const m of playlist.matchAll(/^#EXTINF:([\d.]+)/gm)) sum += Number(m[1])
  return sum
}

/** The start of the last part with a keyframe up to a position; null when it is so near that nothing is gained by beginning there. */
export function lastKeyframe(parts: readonly { start: number; independent: boolean }[], position: number): number | null {
  for (let i = parts.length - 1; i >= 0; i--) {
    const p = parts[i]!
    if (!p.independent || p.start > position) continue
    return position - p.start > 0.5 ? p.start + 0.01 : null
  }
  return null
}
