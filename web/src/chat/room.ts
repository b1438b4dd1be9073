import { computed, signal } from '@preact/signals'
import { retryDelay } from '../feed'
import { at } from '../origin'
import { passOf, withPass } from '../pass'
import { call } from '../people/api'
import { readOwn } from './emotes'
import { apply, nothing, type Message, type Poll, type Talk } from './talk'

/** A connection that has said nothing for so long is dead: the server says something every 20 s. */
const patience = 50_000

/** A web socket closed so is closed for good: who listens may not any more. */
const barred = 4403

/** A room of a channel's chat, kept known over a web socket that is opened anew for ever. */
export class Room {
  readonly talk = signal<Talk>(nothing)
  readonly link = signal(true)
  private readonly ruled = computed(() => this.talk.value.emotes) // changes with the rules, not with every message
  /** The channel's own emotes. */
  readonly own = computed(() => readOwn(this.ruled.value, this.slug))
  /** Called with what rises over the player. */
  onReactions: (counts: Record<string, number>) => void = () => {}

  private socket: WebSocket | null = null
  private readonly gone = new Set<string>()
  private cursor = ''
  private tries = 0
  private timer = 0
  private watchdog = 0
  private closed = false

  constructor(
    readonly slug: string,
    readonly name: 'viewers' | 'crew' = 'viewers',
  ) {
    this.open()
    window.addEventListener('online', this.hurry)
  }

  close(): void {
    this.closed = true
    window.clearTimeout(this.timer)
    window.clearTimeout(this.watchdog)
    window.removeEventListener('online', this.hurry)
    this.socket?.close()
  }

  private readonly hurry = (): void => {
    if (this.socket !== null || this.closed) return
    window.clearTimeout(this.timer)
    this.open()
  }

  private open(): void {
    const url = new URL(at(`/api/v1/channels/${encodeURIComponent(this.slug)}/chat/live`), location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    url.searchParams.set('room', this.name)
    if (this.cursor !== '') url.searchParams.set('after', this.cursor)
    const pass = passOf(this.slug)
    if (pass !== '') url.searchParams.set('t', pass)
    const socket = new WebSocket(url)
    this.socket = socket
    this.watch()
    socket.onmessage = (e) => {
      this.tries = 0
      this.link.value = true
      this.watch()
      this.take(e.data)
    }
    socket.onclose = (e) => {
      if (this.socket !== socket) return
      this.socket = null
      window.clearTimeout(this.watchdog)
      if (this.closed || e.code === barred) return
      if (this.tries > 0) this.link.value = false
      this.timer = window.setTimeout(() => this.open(), retryDelay(this.tries++, Math.random()))
    }
  }

  private watch(): void {
    window.clearTimeout(this.watchdog)
    this.watchdog = window.setTimeout(() => this.socket?.close(), patience)
  }

  private take(data: unknown): void {
    let batch: unknown
    try {
      batch = JSON.parse(String(data))
    } catch {
      return
    }
    const told = apply(this.talk.peek(), batch, this.gone)
    if (told.cursor !== '') {
      this.cursor = told.cursor
      this.talk.value = told.talk
    }
    if (Object.keys(told.reactions).length > 0) this.onReactions(told.reactions)
  }

  private path(rest: string): string {
    return withPass(`/channels/${encodeURIComponent(this.slug)}/chat${rest}${this.name === 'crew' ? '?room=crew' : ''}`, this.slug)
  }

  /** Says something. It comes back over the socket, as to everybody; what is held comes back to nobody. */
  async say(text: string, name: string): Promise<Message & { held?: boolean }> {
    return call('POST', this.path('/messages'), { text, guest: guest(), ...(name !== '' && { name }) })
  }

  async react(kind: string): Promise<void> {
    return call('POST', this.path('/reactions'), { kind, guest: guest() })
  }

  async vote(poll: Poll, option: number): Promise<void> {
    return call('POST', this.path('/votes'), { poll: poll.id, option, guest: guest() })
  }

  async remove(id: string): Promise<void> {
    return call('DELETE', this.path(`/messages/${id}`))
  }

  async release(id: string): Promise<void> {
    return call('POST', this.path(`/messages/${id}/release`))
  }

  async clear(): Promise<void> {
    return call('DELETE', this.path('/messages'))
  }

  /** Keeps somebody out for some seconds, or with 0 until the ban is lifted. */
  async ban(who: string, seconds: number): Promise<unknown> {
    return call('POST', this.path('/bans'), { who, seconds, erase: seconds === 0 })
  }
}

function drawer(): Storage | null {
  try {
    return window.localStorage
  } catch {
    return null
  }
}

const here = new Map<string, string>()

/** Something that this browser keeps for the chat; without storage, for as long as the page is open. */
export function kept(key: string): string {
  const known = here.get(key)
  if (known !== undefined) return known
  try {
    return drawer()?.getItem(`mayfly-chat-${key}`) ?? ''
  } catch {
    return ''
  }
}

export function keep(key: string, value: string): void {
  here.set(key, value)
  try {
    drawer()?.setItem(`mayfly-chat-${key}`, value)
  } catch {
    // Full or forbidden.
  }
}

/** The secret that tells this guest from others. */
function guest(): string {
  let secret = kept('guest')
  if (!/^[\w-]{16,64}$/.test(secret)) {
    secret = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
    keep('guest', secret)
  }
  return secret
}
