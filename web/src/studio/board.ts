import { computed, signal } from '@preact/signals'
import { Log, readContent, readShowings, type Content, type Kind, type Showing } from '../graphics/showing'

/** A graphic that is prepared, as the API says it. */
export interface Prepared {
  id: string
  version: number
  name?: string
  lasts?: number
  address?: string
  kind: Kind
  title?: string
  text?: string
  lines?: string[]
  place?: string
  speed?: number
  back?: boolean
  to?: string
  reload?: number
  image?: string
}

export interface Template {
  font?: string
  ground?: string
  accent?: string
  noLogo?: boolean
}

export interface Board {
  look: Template
  graphics: Prepared[]
  shown: unknown[]
  /** What is shown is shown in a rehearsal. */
  rehearsed?: boolean
}

/** What is prepared; null until it is known. */
export const board = signal<Board | null>(null)

/** What lay and lies over the pictures that viewers see. */
export const log = new Log()

/** What lies over those of a rehearsal. */
export const rehearsal = new Log()

/** What is shown now, by graphic. */
export const shown = signal<ReadonlyMap<string, Showing>>(new Map())

let timer = 0

/** How soon what ends counts as hidden, in ms: it ends with a picture that is about to be made. */
const moment = 1000

/** Makes what the server said last count. What ends by itself is taken out by its time, which is about the clock's. */
function count(showings: readonly Showing[]): void {
  const now = Date.now() + moment
  const open = showings.filter((s) => s.until > now)
  shown.value = new Map(open.map((s) => [s.graphic, s]))
  window.clearTimeout(timer)
  const next = Math.min(...open.map((s) => s.until))
  if (next < Infinity) timer = window.setTimeout(() => count(open), Math.min(next - now + 50, 60_000))
}

/** Takes what the server says as it happens. */
export function hear(said: unknown): void {
  if (typeof said !== 'object' || said === null || !('showings' in said) || !('since' in said)) return
  const showings = readShowings(said.showings)
  log.tell(Date.parse(String(said.since)) || 0, showings)
  if (!board.value?.rehearsed) count(showings)
}

/** Takes an answer of the API. */
export function take(b: Board): void {
  board.value = b
  const showings = readShowings(b.shown)
  if (b.rehearsed) rehearsal.tell(0, showings)
  count(showings)
}

/** What viewers would see of it. */
export function contentOf(g: Omit<Prepared, 'id' | 'version'>, accent: string, logo: string): Content {
  const { look } = board.value ?? { look: {} as Template }
  return readContent({ ...g, look: { ...look, accent: look.accent || accent }, logo: look.noLogo ? '' : logo })!
}

const words = (c: Content) => JSON.stringify([c.title, c.text, c.lines, c.place, c.speed, c.back, c.to, c.reload, c.look, c.logo, c.image.includes('/newest/') || c.reload > 0 ? '' : c.image])

/** Viewers see something else of it than what is prepared. */
export const differs = (s: Showing, c: Content): boolean => words(s) !== words(c)

export const anyShown = computed(() => shown.value.size > 0)
