/** A show that is announced. */
export interface Show {
  id: string
  title: string
  text: string
  /** When it begins and is planned to end, in ms. */
  at: number
  ends: number
  /** Address of a calendar file. */
  calendar: string
}

const calendar = /^\/api\/v1\/channels\/[a-z0-9-]{2,40}\/shows\/[0-9a-f]{16}\/calendar\.ics$/

/** Reads a show from JSON; null for none, or for what is none. */
export function readShow(v: unknown): Show | null {
  if (typeof v !== 'object' || v === null) return null
  const o = v as Record<string, unknown>
  const text = (name: string): string => (typeof o[name] === 'string' ? o[name] : '')
  const show = { id: text('id'), title: text('title'), text: text('text'), at: Date.parse(text('at')), ends: Date.parse(text('ends')), calendar: text('calendar') }
  return show.title !== '' && Number.isFinite(show.at) && Number.isFinite(show.ends) && calendar.test(show.calendar) ? show : null
}

/** "3 days 4 hours", "2 hours 5 minutes", "4:09": how long until something begins. */
export function until(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000))
  const of = (n: number, unit: string) => (n === 0 ? '' : `${n} ${unit}${n === 1 ? '' : 's'}`)
  const both = (a: string, b: string) => [a, b].filter((x) => x !== '').join(' ')
  if (s >= 86_400) return both(of(Math.floor(s / 86_400), 'day'), of(Math.floor(s / 3600) % 24, 'hour'))
  if (s >= 3600) return both(of(Math.floor(s / 3600), 'hour'), of(Math.floor(s / 60) % 60, 'minute'))
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}

/** "today at 20:15", "on Saturday, 3 May at 20:15". */
export function when(ms: number, now: Date): string {
  const d = new Date(ms)
  const time = d.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  if (d.toDateString() === now.toDateString()) return `today at ${time}`
  return `on ${d.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' })} at ${time}`
}
