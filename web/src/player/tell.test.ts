import { expect, test } from 'vitest'
import { referrerOf, Teller } from './tell'

test('what the player says', () => {
  const t = new Teller('abc', 'church.org')
  expect(t.headers({ latency: null, paused: false })).toEqual({ 'CMCD-Session': 'sid="abc",mayfly-ref="church.org"' })
  t.stood(400)
  t.stood(100.4)
  expect(t.headers({ latency: 1.2344, paused: false })).toEqual({ 'CMCD-Session': 'sid="abc",mayfly-ref="church.org"', 'CMCD-Request': 'ltc=1234', 'CMCD-Status': 'bs,bsd=500' })
  expect(new Teller('abc', '').headers({ latency: 2, paused: true })).toEqual({ 'CMCD-Session': 'sid="abc",pr=0' })
})

test('a stall is said once', () => {
  const t = new Teller('abc', '')
  t.stood(400)
  t.headers({ latency: null, paused: false })
  expect(t.headers({ latency: null, paused: false })['CMCD-Status']).toBeUndefined()
})

test('the site that led here', () => {
  expect(referrerOf('https://church.org/sunday?who=me', 'tv.example.org')).toBe('church.org')
  for (const none of ['', 'x', 'https://tv.example.org/news']) expect(referrerOf(none, 'tv.example.org')).toBe('')
})
