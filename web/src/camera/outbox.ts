import type { Piece } from './cutter'

/** What became of a request. Status 0: there was no answer. */
export interface Answer {
  status: number
  kind: string
  detail: string
  node: string
  /** Not to be tried again before, in ms. */
  after: number
}

export interface Carrier {
  /** Sends an object to base/name. It never throws. */
  put(base: string, name: string, data: Uint8Array<ArrayBuffer>, oldest: number, patience: number): Promise<Answer>
  /** Says that a session ends before the piece next. */
  goodbye(base: string, session: string, next: number): Promise<void>
  sleep(ms: number): Promise<void>
  now(): number
}

export interface Tally {
  /** The node that took the last piece, '' while nobody does. */
  node: string
  /** Why not, for people. */
  trouble: string
  /** Pieces that no node has acknowledged, and the age of the oldest in ms. */
  waiting: number
  behind: number
  /** Pieces that were acknowledged, and that were given up. */
  acked: number
  lost: number
  bytes: number
}

interface Held extends Piece {
  n: number
  made: number
  flying: boolean
}

/** How many pieces are sent at a time: while one is being made safe, the next is under way. */
const inFlight = 2
/** More seconds of pieces than this are not kept. */
export const most = 60
const shortest = 200
const longest = 2000
/** How long a node may take to answer; with several nodes another one is tried sooner. */
const patience = 6000
const patienceOfMany = 3000

/** How long a piece waits for the one before it to find a node. */
const turnTime = 1000

const taken = (a: Answer): boolean => a.status === 200 || a.status === 201
/** No node will take anything of this stream. */
const fatal = (a: Answer): boolean => a.status === 401 || a.status === 403 || a.status === 415 || a.status === 423
/** No node will take this piece. */
const lost = (a: Answer): boolean => a.status === 409 || a.status === 413 || (a.status === 400 && a.kind !== 'cut_off')

/**
 * Keeps the pieces of one session until a node has acknowledged them, and sends them, the oldest first, to one node
 * after the other until one takes them. What waits for too long is given up, the oldest first, so that memory is bounded.
 */
export class Outbox {
  private held: Held[] = []
  private next = 0
  private at = 0 // the base to try
  private node = ''
  private trouble = ''
  private acked = 0
  private gone = 0
  private bytes = 0
  private ready = false
  private introduced = false // some node has the header
  private closed = false
  private ended = false

  constructor(
    readonly session: string,
    private readonly header: Uint8Array<ArrayBuffer>,
    private readonly carrier: Carrier,
    /** Where nodes take pieces in: the first is tried first. */
    private readonly bases: () => readonly string[],
    /** Something is to be told: numbers changed, or, with words, nothing more will be taken. */
    private readonly told: (refused: string) => void,
    /** Nothing is sent before: of two sessions with one key, the newer one would end the other. */
    after: Promise<void> = Promise.resolve(),
  ) {
    void after.then(() => {
      this.ready = true
      this.pump()
    })
  }

  add(p: Piece): void {
    if (this.closed || this.ended) return
    this.held.push({ ...p, n: this.next++, made: this.carrier.now(), flying: false })
    let seconds = this.held.reduce((s, h) => s + h.seconds, 0)
    while (seconds > most) {
      const i = this.held.findIndex((h) => !h.flying)
      if (i < 0) break
      seconds -= this.held[i]!.seconds
      this.held.splice(i, 1)
      this.gone++
    }
    this.pump()
  }

  get tally(): Tally {
    const oldest = this.held[0]
    return {
      node: this.node, trouble: this.trouble, waiting: this.held.length, behind: oldest ? this.carrier.now() - oldest.made : 0,
      acked: this.acked, lost: this.gone, bytes: this.bytes,
    }
  }

  /** Ends the session when all of it is acknowledged, or the time is over. */
  async close(time: number): Promise<void> {
    this.closed = true
    const until = this.carrier.now() + time
    while (!this.ready && this.held.length > 0 && this.carrier.now() < until) await this.carrier.sleep(50)
    const base = this.base
    if (base !== '') void this.carrier.goodbye(base, this.session, this.next)
    while (this.held.length > 0 && !this.ended && this.carrier.now() < until) await this.carrier.sleep(50)
    this.ended = true
  }

  private get base(): string {
    const all = this.bases()
    return all.length === 0 ? '' : all[this.at % all.length]!
  }

  private get oldest(): number {
    return this.held[0]?.n ?? this.next
  }

  private pump(): void {
    if (this.ended || !this.ready) return
    for (const h of this.held) {
      if (this.held.filter((x) => x.flying).length >= inFlight) return
      // While nobody has taken anything, only the oldest is sent: of two at once each could begin the session at another node.
      if (h.flying || (this.node === '' && h !== this.held[0])) continue
      h.flying = true
      void this.send(h)
    }
  }

  /** Sends a piece until a node has acknowledged it. */
  private async send(h: Held): Promise<void> {
    for (let tries = 0; !this.ended && this.held.includes(h); tries++) {
      await this.turn(h)
      const all = this.bases().length
      const at = this.at
      const base = this.base
      const name = `${this.session}/main/${h.n}`
      const time = all > 1 ? patienceOfMany : patience
      let a: Answer = { status: 412, kind: '', detail: '', node: '', after: 0 }
      if (this.introduced) a = await this.carrier.put(base, name, h.data, this.oldest, time)
      if (a.status === 412) { // a node that does not have the header
        a = await this.carrier.put(base, `${this.session}/main/init`, this.header, this.oldest, time)
        this.introduced ||= taken(a)
        if (taken(a)) a = await this.carrier.put(base, name, h.data, this.oldest, time)
      }
      if (this.ended) return
      if (taken(a)) {
        this.done(h, a)
        return
      }
      if (fatal(a)) {
        this.ended = true
        this.node = ''
        this.told(a.detail || 'the server refuses what is sent')
        return
      }
      if (lost(a)) {
        this.gone++
        this.remove(h)
        return
      }
      this.failed(at, a)
      await this.carrier.sleep(pause(a, tries, Math.max(all, 1)))
    }
  }

  /** Waits until a piece may be sent: while nobody takes the stream, others than the oldest wait for a while. */
  private async turn(h: Held): Promise<void> {
    for (let waited = 0; waited < turnTime && h !== this.held[0] && this.node === '' && !this.ended; waited += shortest / 4) await this.carrier.sleep(shortest / 4)
  }

  private done(h: Held, a: Answer): void {
    this.node = a.node || 'a node'
    this.trouble = ''
    this.acked++
    this.bytes += h.data.length
    this.remove(h)
  }

  private remove(h: Held): void {
    const i = this.held.indexOf(h)
    if (i >= 0) this.held.splice(i, 1)
    this.told('')
    this.pump()
  }

  /** Turns to the next node, if nobody has yet. */
  private failed(at: number, a: Answer): void {
    this.node = ''
    this.trouble = a.status === 0 ? 'The server does not answer.' : a.detail
    if (this.at === at) this.at++
    this.told('')
  }
}

/** How long to wait after so many tries: not at all before each node was tried once. */
export function pause(a: Answer, tries: number, nodes: number): number {
  if (tries + 1 < nodes) return 0
  if (a.kind === 'leaving' && tries < nodes + 4) return shortest / 4
  const d = Math.min(shortest * 2 ** Math.min(Math.floor(tries / nodes), 8), longest)
  return Math.max(d, Math.min(a.after, longest))
}
