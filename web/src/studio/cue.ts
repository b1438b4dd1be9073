/** A clip of the library, as far as the studio plays it. */
export interface Clip {
  id: string
  title: string
  tags: string[]
  file?: string
  state: string
  duration?: number
  in: number
  out?: number
  poster?: string
  playlist?: string
}

/** The clips that are played on cue, as the server says. */
export interface Cue {
  clips: { clip: string; begins: string; ends: string }[]
  ends: string
  /** What is cut to at the end; absent: what is live, else the plan. */
  then?: string
}

/** What a producer may choose to follow a clip. */
export const back = ''
export const nextClips = 'next'

/** How long a clip plays, in seconds. */
export const lasts = (c: Clip): number => Math.max(0, (c.out || c.duration || 0) - c.in)

export const sourceOf = (clip: string): string => `clip:${clip}`

/** The id of the clip that a source names, or null. */
export const clipOf = (source: string | undefined): string | null => (source?.startsWith('clip:') ? source.slice(5) : null)

const most = 20

/** What is asked for when a clip is played, one of those that are listed. */
export function cutTo(id: string, listed: readonly Clip[], after: string): { source: string; clips?: string[]; then?: string } {
  const source = sourceOf(id)
  if (after !== nextClips) return after === back ? { source } : { source, then: after }
  const at = listed.findIndex((c) => c.id === id)
  return { source, clips: listed.slice(at + 1, at + most).map((c) => c.id) }
}

/** The clip of a rehearsal, as if it were on air. */
export function rehearsedCue(c: Clip, at: string): Cue {
  const ends = new Date(Date.parse(at) + lasts(c) * 1000).toISOString()
  return { clips: [{ clip: c.id, begins: at, ends }], ends }
}

/** Which clip of a cue plays, and for how many seconds it and all of them do. */
export function whereIn(cue: Cue, now: number): { clip: string; left: number; all: number } | null {
  const all = (Date.parse(cue.ends) - now) / 1000
  const on = cue.clips.find((c) => Date.parse(c.ends) > now) ?? cue.clips[cue.clips.length - 1]
  return on === undefined ? null : { clip: on.clip, left: Math.max(0, (Date.parse(on.ends) - now) / 1000), all: Math.max(0, all) }
}

/** "0:12", and tenths in the last ten seconds. */
export function countdown(seconds: number): string {
  if (seconds < 10) return seconds.toFixed(1)
  const s = Math.ceil(seconds)
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}
