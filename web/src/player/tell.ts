/**
 * What the player says of how it plays, by Common Media Client Data (CTA-5004), beside its requests for playlists. The
 * session is made up anew with each page and says nothing of who watches.
 */
export interface Playing {
  /** Delay from the camera to the picture in seconds, null while that is not known. */
  latency: number | null
  paused: boolean
}

/** The host of the page that led here, if it is another site's: a page that frames us, or that has a link to us. */
export function referrerOf(referrer: string, host: string): string {
  try {
    const found = new URL(referrer).hostname
    return found === host || found === '' ? '' : found
  } catch {
    return ''
  }
}

export class Teller {
  private stalls = 0
  private stalled = 0

  constructor(
    private readonly session: string,
    private readonly referrer: string,
  ) {}

  /** The picture stood still for so many ms. */
  stood(ms: number): void {
    this.stalls++
    this.stalled += ms
  }

  /** The headers of the next request. What was said of stalls is not said again. */
  headers(p: Playing): Record<string, string> {
    const out: Record<string, string> = {}
    const session = [`sid="${this.session}"`]
    if (this.referrer !== '') session.push(`mayfly-ref="${this.referrer}"`)
    if (p.paused) session.push('pr=0')
    out['CMCD-Session'] = session.join(',')
    if (p.latency !== null && p.latency > 0 && !p.paused) out['CMCD-Request'] = `ltc=${Math.round(p.latency * 1000)}`
    if (this.stalls > 0) out['CMCD-Status'] = `bs,bsd=${Math.round(this.stalled)}`
    this.stalls = this.stalled = 0
    return out
  }
}

export function newSession(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('')
}
