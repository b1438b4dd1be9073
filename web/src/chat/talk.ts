import { noOwn, type Own } from './emotes'

/** Something that was said. */
export interface Message {
  id: string
  at: string
  who: string
  name: string
  role: string
  text: string
}

export type Mode = 'open' | 'members' | 'crew' | 'closed' | 'off'

export interface Poll {
  id: string
  question: string
  options: string[]
  counts: number[]
  ended: boolean
}

/** What is known of a room. */
export interface Talk {
  messages: Message[]
  held: Message[]
  mode: Mode
  /** Seconds between two messages of one viewer. */
  slow: number
  poll: Poll | null
  /** The rules are known. */
  known: boolean
  /** The channel's own emotes, as the rules say them: read them with readOwn. */
  emotes: unknown
  /** Of the rules: moderators read the rest of them when it changes. */
  version: number
}

export const nothing: Talk = { messages: [], held: [], mode: 'open', slow: 0, poll: null, known: false, emotes: [], version: 0 }

/** How many messages a page keeps. */
const most = 200

const text = (v: unknown): string => (typeof v === 'string' ? v : '')
const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : [])
const object = (v: unknown): Record<string, unknown> => (typeof v === 'object' && v !== null ? (v as Record<string, unknown>) : {})

export function readMessage(v: unknown): Message | null {
  const o = object(v)
  const m = { id: text(o['id']), at: text(o['at']), who: text(o['who']), name: text(o['name']), role: text(o['role']), text: text(o['text']) }
  return m.id === '' ? null : m
}

const messages = (v: unknown): Message[] => list(v).map(readMessage).filter((m) => m !== null)

export function readPoll(v: unknown): Poll | null {
  const o = object(v)
  const options = list(o['options']).map(text)
  if (text(o['id']) === '' || options.length === 0) return null
  const counts = list(o['counts']).map((n) => (typeof n === 'number' && n > 0 ? n : 0))
  return { id: text(o['id']), question: text(o['question']), options, counts: options.map((_, i) => counts[i] ?? 0), ended: !text(o['ended']).startsWith('0001') && text(o['ended']) !== '' }
}

/** What one batch says beside what it changes. */
export interface Told {
  talk: Talk
  cursor: string
  reactions: Record<string, number>
}

/**
 * Takes a batch in. Messages are told apart by their ids: one that is there already, or that was removed, does not come
 * again, whichever node it comes from.
 */
export function apply(before: Talk, batch: unknown, gone: Set<string>): Told {
  const b = object(batch)
  for (const id of list(b['removed'])) gone.add(text(id))
  const freed = new Set(list(b['freed']).map(text))
  const talk = { ...before }
  const come = messages(b['messages'])
  if (come.length > 0 || list(b['removed']).length > 0) {
    const all = new Map<string, Message>()
    for (const m of [...before.messages, ...come]) if (!gone.has(m.id)) all.set(m.id, m)
    talk.messages = [...all.values()].sort((x, y) => (x.id < y.id ? -1 : 1)).slice(-most)
  }
  const held = new Map<string, Message>()
  if (b['snapshot'] !== true) for (const m of before.held) held.set(m.id, m)
  for (const m of messages(b['held'])) held.set(m.id, m)
  talk.held = [...held.values()].filter((m) => !gone.has(m.id) && !freed.has(m.id))
  if (b['rules'] !== undefined) {
    const r = object(b['rules'])
    talk.mode = (text(r['mode']) || 'open') as Mode
    talk.slow = typeof r['slow'] === 'number' ? r['slow'] : 0
    talk.known = true
    talk.emotes = r['emotes']
    talk.version = typeof r['version'] === 'number' ? r['version'] : 0
  }
  const poll = readPoll(b['poll'])
  if (poll !== null) talk.poll = poll
  else if (b['noPoll'] === true || b['snapshot'] === true) talk.poll = null
  const reactions: Record<string, number> = {}
  for (const [kind, n] of Object.entries(object(b['reactions']))) if (typeof n === 'number' && n > 0) reactions[kind] = n
  return { talk, cursor: text(b['cursor']), reactions }
}

/** A hue for a name, the same for the same person. */
export function hue(who: string): number {
  let h = 0
  for (let i = 0; i < who.length; i++) h = (h * 31 + who.charCodeAt(i)) >>> 0
  return (h % 12) * 30
}

/** A text in pieces: addresses of pages, and what is between them. */
export function pieces(said: string): { text: string; href?: string }[] {
  const out: { text: string; href?: string }[] = []
  let from = 0
  for (const m of said.matchAll(/https?:\/\/[^\s<>"]+/g)) {
    const word = m[0].replace(/[.,;:!?)\]']+$/, '')
    let href = ''
    try {
      href = new URL(word).href
    } catch {
      continue // looks like an address, and is none
    }
    if (m.index > from) out.push({ text: said.slice(from, m.index) })
    out.push({ text: word, href })
    from = m.index + word.length
  }
  if (from < said.length) out.push({ text: said.slice(from) })
  return out
}

/** A text with the channel's own emotes in it, in pieces: what stands between colons, and its picture if it has one. */
export function withOwn(said: string, own: Own): { text: string; image?: string; name?: string }[] {
  const out: { text: string; image?: string; name?: string }[] = []
  let from = 0
  for (const m of said.matchAll(/:([a-z0-9_]{2,24})(?=:)/g)) {
    const image = Object.hasOwn(own, m[1]!) ? own[m[1]!] : undefined
    if (image === undefined || m.index < from) continue
    if (m.index > from) out.push({ text: said.slice(from, m.index) })
    out.push({ text: `:${m[1]!}:`, image, name: m[1]! })
    from = m.index + m[0].length + 1
  }
  if (from < said.length) out.push({ text: said.slice(from) })
  return out
}

/** Only a few pictures and no word: shown large. */
export const isPicture = (said: string, own: Own = noOwn): boolean => onlyPictures(withOwn(said, own).map((p) => (p.image === undefined ? p.text : '⭐')).join(''))

const onlyPictures = (said: string): boolean => said.length <= 24 && /^(?:\p{Extended_Pictographic}[\u{fe0f}\u{200d}\u{1f3fb}-\u{1f3ff}]*\s*){1,4}$/u.test(said)
