/** What lies over a channel's pictures, as the server says it, by program time. Pure, but for what the record holds. */

export type Kind = 'lower-third' | 'picture' | 'ticker' | 'sting' | 'heading' | 'coming-up' | 'bug' | 'countdown' | 'chat'

export interface Look {
  font: string
  /** #rrggbb, '' for the player's own. */
  ground: string
  accent: string
}

export interface Content {
  kind: Kind
  title: string
  text: string
  lines: string[]
  place: string
  /** Of a ticker, 1 to 5. */
  speed: number
  /** It runs to the right. */
  back: boolean
  /** What is counted down to, epoch ms. */
  to: number
  /** s after which the picture is fetched again, 0 for never. */
  reload: number
  look: Look
  /** Addresses of images on this server, '' for none. */
  image: string
  logo: string
}

/** A graphic from one moment of the program to another, epoch ms. */
export interface Showing extends Content {
  number: number
  graphic: string
  from: number
  /** Infinity: until somebody hides it. */
  until: number
}

const kinds: readonly string[] = ['lower-third', 'picture', 'ticker', 'sting', 'heading', 'coming-up', 'bug', 'countdown', 'chat'] satisfies Kind[]
const colour = /^#[0-9a-f]{6}$/
const address = /^\/assets\/channels\/[a-z0-9-]{2,40}\/(?:newest\/[0-9a-f]{1,40}|[0-9a-f]{32}\.(?:jpg|png))$/

type Fields = Record<string, unknown>
const fields = (v: unknown): Fields => (typeof v === 'object' && v !== null ? (v as Fields) : {})
const text = (v: unknown): string => (typeof v === 'string' ? v : '')
const matching = (v: unknown, form: RegExp): string => (form.test(text(v)) ? text(v) : '')
const whole = (v: unknown): number => (typeof v === 'number' && Number.isInteger(v) && v > 0 ? v : 0)

/** Reads what viewers see of a graphic; null if its kind is not known. */
export function readContent(v: unknown): Content | null {
  const o = fields(v)
  const kind = text(o['kind'])
  if (!kinds.includes(kind)) return null
  const look = fields(o['look'])
  return {
    kind: kind as Kind, title: text(o['title']), text: text(o['text']),
    lines: Array.isArray(o['lines']) ? o['lines'].map(text).filter((l) => l !== '') : [],
    place: text(o['place']), speed: Math.min(5, whole(o['speed']) || 3), back: o['back'] === true,
    to: Date.parse(text(o['to'])) || 0, reload: whole(o['reload']),
    look: { font: text(look['font']), ground: matching(look['ground'], colour), accent: matching(look['accent'], colour) },
    image: matching(o['image'], address), logo: matching(o['logo'], address),
  }
}

/** Reads a showing; null for what is none. */
export function readShowing(v: unknown): Showing | null {
  const o = fields(v)
  const content = readContent(v)
  const from = Date.parse(text(o['from']))
  const until = o['until'] === undefined ? Infinity : Date.parse(text(o['until']))
  const number = whole(o['number'])
  if (content === null || number === 0 || Number.isNaN(from) || Number.isNaN(until)) return null
  return { ...content, number, graphic: text(o['graphic']), from, until }
}

export const readShowings = (v: unknown): Showing[] => (Array.isArray(v) ? v.map(readShowing).filter((s) => s !== null) : [])

/** Where a graphic lies: of two on one layer one is shown. */
export function layer(c: Content): string {
  if (c.kind === 'lower-third' || c.kind === 'chat') return 'lower'
  if (c.kind === 'sting' || c.kind === 'heading' || c.kind === 'coming-up') return 'full'
  if (c.kind === 'bug' || c.kind === 'countdown') return `corner ${c.place}`
  return `${c.kind} ${c.place}`
}

/** How long a graphic takes to go, in ms. */
export const leaving = 450

export interface Seen {
  showing: Showing
  /** It has ended and is on its way out. */
  leaves: boolean
  /** It goes on from one just like it whose words were others: it is there without coming. */
  goesOn: boolean
}

/** What is seen over the picture of a program time. */
export function seenAt(all: readonly Showing[], date: number): Seen[] {
  const seen: Seen[] = []
  const taken = new Set<string>()
  for (const s of all) {
    if (s.from > date || s.until <= date) continue
    taken.add(layer(s))
    seen.push({ showing: s, leaves: false, goesOn: all.some((x) => x.graphic === s.graphic && x.number !== s.number && x.until === s.from && x.from < s.from) })
  }
  for (const s of all) {
    if (s.until > date || s.until + leaving <= date || s.from >= s.until || taken.has(layer(s))) continue
    seen.push({ showing: s, leaves: true, goesOn: false })
  }
  return seen.sort((a, b) => a.showing.number - b.showing.number)
}

/** How many past showings are kept. */
const most = 1000

/** What is known of the showings of a channel, and of which times. */
export class Log {
  /** All that are known; another array whenever one was added. */
  all: readonly Showing[] = []
  private known = new Map<number, Showing>()
  private stretches: [from: number, to: number][] = []
  /** Since when the server tells of each change as it happens; Infinity: it does not. */
  private told = Infinity

  /** What the server says as it happens: all showings that reach beyond a moment. */
  tell(since: number, showings: readonly Showing[]): void {
    this.told = since
    this.add(showings)
  }

  /** The answer about a stretch of the past. */
  fill(from: number, to: number, showings: readonly Showing[]): void {
    this.stretches.push([from, to])
    this.add(showings)
  }

  knows(date: number): boolean {
    return date >= this.told || this.stretches.some(([from, to]) => date >= from && date < to)
  }

  private add(showings: readonly Showing[]): void {
    for (const s of showings) {
      this.known.delete(s.number) // the one heard of last stands last
      this.known.set(s.number, s)
    }
    if (this.known.size > most) this.stretches = []
    for (const s of this.known.values()) {
      if (this.known.size <= most) break
      if (s.until < this.told) this.known.delete(s.number)
    }
    this.all = [...this.known.values()]
  }
}
