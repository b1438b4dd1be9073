import { readStatus, type Status } from './channel'
import { ServerClock } from './clock'
import { at } from './origin'
import { withPass } from './pass'

export interface FeedEvents {
  status(s: Status): void
  removed(slug: string): void
  /** The server answers, or it does not. */
  link(up: boolean): void
  /** What lies over the pictures of the one channel that is listened to: read it with care. */
  graphics?(said: unknown): void
}

/** How long to wait before the n-th try in a row (from 0): 1 s growing to 5 s, spread so that a crowd does not come at once. */
export function retryDelay(n: number, random: number): number {
  const base = Math.min(1000 * 1.5 ** n, 5000)
  return Math.max(1000, Math.round(base * (0.7 + 0.3 * random)))
}

/**
 * What the server says as it happens. The stream of events is opened anew for ever; before each try the plain API is
 * asked, so a proxy that eats event streams costs only freshness. A stream that says nothing for 40 s is dead: the
 * server writes a line every 15 s, but the browser does not show comments, so the plain API is asked.
 */
export class Feed {
  readonly clock = new ServerClock()
  private source: EventSource | null = null
  private tries = 0
  private timer = 0
  private heard = 0
  private closed = false

  constructor(
    private readonly slug: string | null,
    private readonly on: FeedEvents,
  ) {
    void this.connect()
    window.addEventListener('online', this.hurry)
    document.addEventListener('visibilitychange', this.hurry)
    this.probeTimer = window.setInterval(() => void this.probe(), 20_000)
  }

  private probeTimer: number

  close(): void {
    this.closed = true
    window.clearTimeout(this.timer)
    window.clearInterval(this.probeTimer)
    window.removeEventListener('online', this.hurry)
    document.removeEventListener('visibilitychange', this.hurry)
    this.source?.close()
  }

  /** Ask again now instead of at the end of the wait. */
  readonly hurry = (): void => {
    if (this.closed || this.source !== null || document.visibilityState === 'hidden') return
    window.clearTimeout(this.timer)
    void this.connect()
  }

  /** Begin anew: there is another pass to show. */
  renew(): void {
    this.source?.close()
    this.source = null
    this.tries = 0
    this.hurry()
  }

  private async connect(): Promise<void> {
    const found = await this.ask()
    if (this.closed || this.source !== null) return
    this.on.link(found !== 'away')
    if (found !== 'found') {
      this.again(found === 'missing' ? 8_000 : retryDelay(this.tries++, Math.random()))
      return
    }
    this.listen()
  }

  private again(delay: number): void {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => void this.connect(), delay)
  }

  private listen(): void {
    const source = new EventSource(at(this.slug === null ? '/api/v1/events' : withPass(`/api/v1/events?channel=${encodeURIComponent(this.slug)}`, this.slug)))
    this.source = source
    source.addEventListener('status', (e) => {
      this.heard = Date.now()
      this.tries = 0
      this.take(parse(e.data))
      this.on.link(true)
    })
    source.addEventListener('removed', (e) => {
      const v = parse(e.data)
      if (typeof v === 'object' && v !== null && 'slug' in v && typeof v.slug === 'string') this.on.removed(v.slug)
    })
    source.addEventListener('graphics', (e) => this.on.graphics?.(parse(e.data)))
    source.onerror = () => {
      if (this.source !== source) return
      source.close()
      this.source = null
      // Ask at once: a stream that a proxy cut is no loss of the server, and a lost server says so at once.
      this.again(this.tries === 0 ? 50 : retryDelay(this.tries, Math.random()))
      this.tries++
    }
  }

  /** Is a quiet stream still a live one? */
  private async probe(): Promise<void> {
    const source = this.source
    if (source === null || Date.now() - this.heard < 40_000 || document.visibilityState === 'hidden') return
    const found = await this.ask()
    if (this.source !== source) return
    if (found === 'away') {
      source.close()
      this.source = null
      this.on.link(false)
      this.again(1000)
    } else {
      this.heard = Date.now()
    }
  }

  private async ask(): Promise<'found' | 'missing' | 'away'> {
    const url = this.slug === null ? '/api/v1/guide' : withPass(`/api/v1/channels/${encodeURIComponent(this.slug)}`, this.slug)
    const sent = Date.now()
    try {
      const response = await fetch(at(url), { cache: 'no-store', signal: AbortSignal.timeout(6_000) })
      if (response.status === 404 && this.slug !== null) {
        this.on.removed(this.slug)
        return 'missing'
      }
      if (!response.ok) return 'away'
      this.clock.header(response.headers.get('Date'), (sent + Date.now()) / 2)
      const v: unknown = await response.json()
      if (this.slug !== null) this.take(v)
      else if (typeof v === 'object' && v !== null && 'channels' in v && Array.isArray(v.channels)) v.channels.forEach((c) => this.take(c))
      return 'found'
    } catch {
      return 'away'
    }
  }

  private take(v: unknown): void {
    if (typeof v === 'object' && v !== null && 'now' in v && typeof v.now === 'string') {
      this.clock.sample(Date.parse(v.now), Date.now())
    }
    const s = readStatus(v)
    if (s !== null) this.on.status(s)
  }
}

function parse(data: unknown): unknown {
  try {
    return JSON.parse(String(data))
  } catch {
    return null
  }
}
