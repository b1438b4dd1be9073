/** Where a source is: seen by viewers, waiting for a cut, or nobody here knows. */
export type Place = 'air' | 'preview' | 'unknown'

/**
 * Hears from whichever node answers whether a source is on air. Anybody may know that of a channel that anybody may
 * see; of others this page's own node tells, which knows who asks.
 */
export class Air {
  private source: EventSource | null = null
  private timer = 0
  private tries = 0
  private closed = false

  constructor(
    private readonly slug: string,
    private readonly id: string,
    private readonly origins: () => readonly string[],
    private readonly told: (p: Place, title: string) => void,
  ) {
    this.listen()
  }

  close(): void {
    this.closed = true
    window.clearTimeout(this.timer)
    this.source?.close()
  }

  private listen(): void {
    const all = this.origins()
    const origin = all[this.tries % all.length]!
    const source = new EventSource(`${origin}/api/v1/events?channel=${encodeURIComponent(this.slug)}`)
    this.source = source
    source.addEventListener('status', () => {
      this.tries = all.indexOf(origin) // this one answers
      void this.ask(origin)
    })
    source.onerror = () => {
      source.close()
      if (this.source !== source || this.closed) return
      this.told('unknown', '')
      this.tries++
      this.timer = window.setTimeout(() => this.listen(), this.tries < all.length ? 100 : 2000)
    }
  }

  private async ask(origin: string): Promise<void> {
    try {
      const r = await fetch(`${origin}/api/v1/channels/${encodeURIComponent(this.slug)}`, { credentials: origin === location.origin ? 'same-origin' : 'omit', cache: 'no-store', signal: AbortSignal.timeout(4000) })
      if (!r.ok) return
      const c = (await r.json()) as { title?: string; state?: string; onAir?: { source?: string } }
      if (!this.closed) this.told(c.state === 'live' && c.onAir?.source === this.id ? 'air' : 'preview', c.title ?? '')
    } catch {
      // The next event asks again.
    }
  }
}
