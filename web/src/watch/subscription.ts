import { call, Problem } from '../people/api'

/** This browser at its push service, as the server takes it. */
interface Pushed {
  endpoint: string
  keys: { p256dh: string; auth: string }
  expirationTime: number | null
}

const worker = '/notify.js'
const subscribers = (slug: string): string => `/channels/${encodeURIComponent(slug)}/subscribers`

/** The browser has what Web Push needs; whether its maker's service answers is seen when it is asked. */
export const canPush = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window

/** Names a subscription as the server does: the beginning of a hash, by which nobody finds the address. */
export async function idOf(endpoint: string): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)))
  return [...sum.subarray(0, 16)].map((b) => b.toString(16).padStart(2, '0')).join('')
}

/** Bytes of base64url. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (c) => c.charCodeAt(0))
}

export function sameBytes(a: ArrayBuffer | null | undefined, b: Uint8Array): boolean {
  if (a === null || a === undefined || a.byteLength !== b.length) return false
  const view = new Uint8Array(a)
  return b.every((x, i) => x === view[i])
}

async function present(): Promise<PushSubscription | null> {
  const registered = await navigator.serviceWorker.getRegistration('/')
  return (await registered?.pushManager.getSubscription()) ?? null
}

/** A subscription says so anew after a week: the server forgets those that never come back. */
const confirmEvery = 7 * 24 * 3600 * 1000
const saidKey = (slug: string): string => `mayfly-push-${slug}`

function saidLately(slug: string): boolean {
  try {
    return Date.now() - Number(window.localStorage.getItem(saidKey(slug))) < confirmEvery
  } catch {
    return false
  }
}

async function send(slug: string, s: PushSubscription): Promise<void> {
  await call('POST', subscribers(slug), s.toJSON() as Pushed)
  try {
    window.localStorage.setItem(saidKey(slug), String(Date.now()))
  } catch {
    // Full or forbidden: it is said again at the next visit.
  }
}

/** Whether this browser is told of a channel. */
export async function isSubscribed(slug: string): Promise<boolean> {
  const s = await present()
  if (s === null) return false
  try {
    await call('GET', `${subscribers(slug)}/${await idOf(s.endpoint)}`)
  } catch (why) {
    // What the server cannot say just now, or not so often, is as this browser said it last.
    return !(why instanceof Problem && (why.status === 403 || why.status === 404)) && saidLately(slug)
  }
  if (!saidLately(slug)) void send(slug, s).catch(() => {})
  return true
}

/** Has this browser told of a channel. Throws what the browser, its push service or the server refuses. */
export async function subscribe(slug: string): Promise<void> {
  const { key } = await call<{ key: string }>('GET', '/push-key')
  const wanted = bytesOf(key)
  await navigator.serviceWorker.register(worker, { scope: '/' })
  const registered = await navigator.serviceWorker.ready
  let s = await registered.pushManager.getSubscription()
  if (s !== null && !sameBytes(s.options.applicationServerKey, wanted)) {
    await s.unsubscribe() // made for a server that was here before
    s = null
  }
  s ??= await registered.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted })
  await send(slug, s)
}

/** Has this browser told of a channel no more. */
export async function unsubscribe(slug: string): Promise<void> {
  const s = await present()
  if (s !== null) await call('DELETE', `${subscribers(slug)}/${await idOf(s.endpoint)}`).catch((why) => {
    if (!(why instanceof Problem) || why.status !== 404) throw why
  })
  try {
    window.localStorage.removeItem(saidKey(slug))
  } catch {
    // Nothing was kept then.
  }
}
