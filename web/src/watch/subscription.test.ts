import { expect, test } from 'vitest'
import { bytesOf, idOf, sameBytes } from './subscription'

test('a subscription is named as the server names it', async () => {
  expect(await idOf('https://push.example.org/send/abc')).toBe('8bee32829b1025fb0104a802e872dffd')
})

test('a key is read from base64url, and known again', () => {
  expect([...bytesOf('-_8A')]).toEqual([251, 255, 0])
  expect(sameBytes(new Uint8Array([251, 255, 0]).buffer, bytesOf('-_8A'))).toBe(true)
  expect(sameBytes(new Uint8Array([251, 255]).buffer, bytesOf('-_8A'))).toBe(false)
  expect(sameBytes(null, bytesOf('-_8A'))).toBe(false)
})
