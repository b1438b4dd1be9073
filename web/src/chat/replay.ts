import { readMessage, type Message } from './talk'

/** How much is asked for at once, and how long before its time, in ms. */
export const stretch = 5 * 60_000
const ahead = 20_000
/** As many messages are shown at most. */
export const most = 300

/** What was said in a stretch of time, as far as it is known. */
export interface Heard {
  from: number
  to: number
  messages: Message[]
}

export const nothingHeard: Heard = { from: 0, to: 0, messages: [] }

/** What is to be asked for, so that what was said at a time is known: from when on, or null if nothing. */
export function lacks(h: Heard, now: number): number | null {
  if (now < h.from || now > h.to) return now - stretch
  return h.to - now < ahead ? h.to : null
}

/** Adds an answer: who went elsewhere begins anew. next says that the answer was cut short there. */
export function add(h: Heard, from: number, to: number, answer: unknown): { heard: Heard; next: number } {
  const said: unknown = typeof answer === 'object' && answer !== null && 'messages' in answer ? answer.messages : []
  const found = (Array.isArray(said) ? said : []).map(readMessage).filter((m) => m !== null)
  const next = typeof answer === 'object' && answer !== null && 'next' in answer ? Date.parse(String(answer.next)) : NaN
  const until = Number.isNaN(next) || next <= from ? to : next
  const known = new Set(h.messages.map((m) => m.id))
  const heard = from === h.to && h.to > 0 ? { from: h.from, to: until, messages: [...h.messages, ...found.filter((m) => !known.has(m.id))] } : { from, to: until, messages: found }
  return { heard, next: until }
}

/** What had been said by a time. */
export const by = (h: Heard, now: number): Message[] => h.messages.filter((m) => Date.parse(m.at) <= now).slice(-most)
