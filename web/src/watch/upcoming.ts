/** The guide of a channel, as it is shown. Pure. */

export interface Programme {
  start: number
  stop: number
  title: string
}

export function readProgrammes(v: unknown): Programme[] {
  const list = typeof v === 'object' && v !== null && 'programmes' in v && Array.isArray(v.programmes) ? v.programmes : []
  return list.flatMap((p: unknown) => {
    if (typeof p !== 'object' || p === null) return []
    const o = p as Record<string, unknown>
    const [start, stop] = [Date.parse(String(o['start'])), Date.parse(String(o['stop']))]
    if (!(stop > start)) return []
    const title = typeof o['title'] === 'string' && o['title'] !== '' ? o['title'] : 'Programme'
    return [{ start, stop, title }]
  })
}

export interface Day {
  name: string
  programmes: Programme[]
}

/** What is still to come, by days of the viewer's own clock. What plays twice in a row is one line. */
export function days(all: readonly Programme[], now: number, name: (date: Date, away: number) => string): Day[] {
  const out: { at: number; day: Day }[] = []
  const midnight = (t: number) => new Date(t).setHours(0, 0, 0, 0)
  const today = midnight(now)
  for (const p of all) {
    if (p.stop <= now) continue
    const at = Math.max(midnight(p.start), today)
    let last = out[out.length - 1]
    if (last === undefined || last.at !== at) out.push((last = { at, day: { name: name(new Date(at), Math.round((at - today) / 86_400_000)), programmes: [] } }))
    const list = last.day.programmes
    const before = list[list.length - 1]
    if (before !== undefined && before.title === p.title && p.start - before.stop < 60_000) list[list.length - 1] = { ...before, stop: p.stop }
    else list.push(p)
  }
  return out.map((x) => x.day)
}
