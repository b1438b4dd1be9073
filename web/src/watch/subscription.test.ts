import { afterEach, expect, test, vi } from 'vitest'
import { bytesOf, idOf, isSubscribed, sameBytes, unsubscribe } from './subscription'

afterEach(() => vi.unstubAllGlobals())

test('a server that does not say whether this browser is told leaves it as it was said last', async () => {
  const kept = new Map<string, string>()
  let status = 204
  const pushManager = { getSubscription: async () => ({ endpoint: 'https://push.example.org/send/abc', toJSON: () => ({}) }) }
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => ({ pushManager }) } })
  vi.stubGlobal('window', { localStorage: { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) } })
  vi.stubGlobal('fetch', async () => new Response(status === 204 ? null : '{}', { status }))
  const said = async (answer: number) => {
    status = answer
    return isSubscribed('news')
  }
  for (const answer of [429, 503, 404]) expect(await said(answer)).toBe(false)
  expect(await said(204)).toBe(true)
  await vi.waitFor(() => expect(kept.size).toBe(1))
  for (const [answer, is] of [[429, true], [503, true], [404, false], [403, false]] as const) expect(await said(answer)).toBe(is)
  status = 503
  await expect(unsubscribe('news')).rejects.toThrow()
  expect(await said(429)).toBe(true)
  status = 404
  await unsubscribe('news')
  expect(await said(429)).toBe(false)
})

test('a subscription is named as the server names it', async () => {
  expect(await idOf('https://push.example.org/send/abc')).toBe('8bee32829b1025fb0104a802e872dffd')
})

test('a key is read from base64url, and known again', () => {
  expect([...bytesOf('-_8A')]).toEqual([251, 255, 0])
  expect(sameBytes(new Uint8Array([251, 255, 0]).buffer, bytesOf('-_8A'))).toBe(true)
  expect(sameBytes(new Uint8Array([251, 255]).buffer, bytesOf('-_8A'))).toBe(false)
  expect(sameBytes(null, bytesOf('-_8A'))).toBe(false)
})
