import { call } from '../people/api'
import type { Answer, Carrier } from './outbox'

const none: Answer = { status: 0, kind: '', detail: '', node: '', after: 0 }

/** Reads what an answer says, without ever throwing. */
async function read(r: Response): Promise<Answer> {
  const a: Answer = { ...none, status: r.status, node: r.headers.get('Mayfly-Node') ?? '', after: 1000 * (Number(r.headers.get('Retry-After')) || 0) }
  const v: unknown = r.status >= 400 ? await r.json().catch(() => null) : null
  if (typeof v === 'object' && v !== null) {
    if ('kind' in v && typeof v.kind === 'string') a.kind = v.kind
    if ('detail' in v && typeof v.detail === 'string') a.detail = v.detail
  }
  return a
}

/** Carries pieces over HTTP. Cookies are never sent: the key in the address is all the right there is. */
export const carrier: Carrier = {
  async put(base, name, data, oldest, patience) {
    try {
      const r = await fetch(`${base}/${name}`, {
        method: 'PUT', body: data, credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(patience + data.length / 50), // 50 kB a second at least
        headers: { 'Content-Type': 'video/mp4', 'Mayfly-Oldest': String(oldest) },
      })
      return await read(r)
    } catch {
      return none
    }
  },
  async goodbye(base, session, next) {
    await fetch(`${base}/${session}/`, { method: 'DELETE', credentials: 'omit', headers: { 'Mayfly-Next': String(next) }, signal: AbortSignal.timeout(2000), keepalive: true }).catch(() => null)
  },
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  now: () => performance.now(),
}

interface Node {
  publicURL: string
  self: boolean
  ready: boolean
  state: string
  leaving?: boolean
}

const lookEvery = 10_000

/** The addresses of the fleet's nodes, kept up to date by whichever answers: this page's own first. */
export class Fleet {
  private others: string[] = []

  constructor(private readonly own = location.origin) {
    void this.look()
    window.setInterval(() => void this.look(), lookEvery)
  }

  get origins(): readonly string[] {
    return [this.own, ...this.others]
  }

  private async look(): Promise<void> {
    for (const origin of this.origins) {
      const found = await (origin === this.own ? call<{ nodes: Node[] }>('GET', '/nodes') : fetch(`${origin}/api/v1/nodes`, { credentials: 'omit', signal: AbortSignal.timeout(3000) }).then((r) => r.json() as Promise<{ nodes: Node[] }>)).catch(() => null)
      if (found?.nodes === undefined) continue
      this.others = others(found.nodes, this.own)
      return
    }
  }
}

/** Where else a page of an origin may send: nodes that are up, at addresses of their own that the browser lets it reach. */
export function others(nodes: readonly Node[], own: string): string[] {
  const out = new Set<string>()
  for (const n of nodes) {
    if (!URL.canParse(n.publicURL) || n.state === 'lost' || n.leaving) continue
    const { origin, protocol } = new URL(n.publicURL)
    if (origin !== own && (protocol === 'https:' || (protocol === 'http:' && own.startsWith('http:')))) out.add(origin)
  }
  return [...out]
}
