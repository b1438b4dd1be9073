import { expect, test } from 'vitest'
import { contrast, readColour } from '../colours'
import { left, wordsOf } from './Graphic'
import { lookVars } from './look'
import { leaving, Log, readShowing, readShowings, seenAt, type Showing } from './showing'

const t0 = Date.parse('2026-03-01T20:00:00Z')
const iso = (s: number) => new Date(t0 + s * 1000).toISOString()
const showing = (number: number, graphic: string, from: number, until: number | undefined, more: object = {}): Showing =>
  readShowing({ number, graphic, kind: 'lower-third', title: graphic + number, from: iso(from), ...(until === undefined ? {} : { until: iso(until) }), ...more })!

test('what is no showing is none', () => {
  expect(readShowing(null)).toBeNull()
  expect(readShowing({ number: 1, kind: 'banner', from: iso(0) })).toBeNull()
  expect(readShowing({ number: 1, kind: 'bug', from: 'noon' })).toBeNull()
  expect(readShowing({ number: 0, kind: 'bug', from: iso(0) })).toBeNull()
  expect(readShowings('x')).toEqual([])
})

test('only images of this server and plain colours are taken', () => {
  const s = showing(1, 'a', 0, undefined, { image: 'https://elsewhere.example/x.png', logo: '/assets/channels/news/0123456789abcdef0123456789abcdef.png', look: { ground: 'url(x)', accent: '#ff8800' }, lines: ['a', 3, ''] })
  expect([s.image, s.logo, s.look.ground, s.look.accent, s.lines]).toEqual(['', '/assets/channels/news/0123456789abcdef0123456789abcdef.png', '', '#ff8800', ['a']])
})

test('a graphic comes with its picture, and goes', () => {
  const all = [showing(1, 'a', 1, 3), showing(2, 't', 2, undefined, { kind: 'ticker', lines: ['x'] })]
  const at = (s: number) => seenAt(all, t0 + s * 1000).map((x) => x.showing.title + (x.leaves ? '-' : ''))
  expect(at(0.999)).toEqual([])
  expect(at(1)).toEqual(['a1'])
  expect(at(2)).toEqual(['a1', 't2'])
  expect(at(3)).toEqual(['a1-', 't2'])
  expect(at(3 + leaving / 1000)).toEqual(['t2'])
})

test('on one layer one takes the place of the other, and the same one goes on', () => {
  const all = [showing(1, 'a', 1, 2), showing(2, 'a', 2, 3), showing(3, 'b', 3, undefined)]
  const at = (s: number) => seenAt(all, t0 + s * 1000).map((x) => [x.showing.number, x.leaves, x.goesOn])
  expect(at(1.5)).toEqual([[1, false, false]])
  expect(at(2)).toEqual([[2, false, true]])
  expect(at(3)).toEqual([[3, false, false]])
})

test('the log knows of which times it knows', () => {
  const log = new Log()
  expect(log.knows(t0)).toBe(false)
  log.tell(t0, [showing(5, 'a', 1, undefined)])
  expect([log.knows(t0 - 1), log.knows(t0 + 1e9)]).toEqual([false, true])
  log.fill(t0 - 5000, t0, [showing(3, 'b', -4, -3)])
  expect([log.knows(t0 - 5001), log.knows(t0 - 1)]).toEqual([false, true])
  log.tell(t0 + 1000, [showing(5, 'a', 1, 9)])
  expect(log.all.map((s) => [s.number, (s.until - t0) / 1000])).toEqual([[3, -3], [5, 9]])
  log.fill(0, t0, Array.from({ length: 1500 }, (_, i) => showing(i + 10, 'c', -100, -99)))
  expect([log.all.length, log.knows(t0 - 1), log.knows(t0 + 2000)]).toEqual([1000, false, true])
})

test('what is written on a colour can be read on it', () => {
  for (const hex of ['#000000', '#ffffff', '#ffb454', '#7f7f7f', '#e4572e', '#0e1a2b', '#00ff00']) {
    const v = lookVars({ font: 'comic', ground: hex, accent: hex })
    for (const [ink, on] of [['--g-ink', '--g-ground'], ['--g-ink', '--g-lift'], ['--g-on-accent', '--g-accent']]) {
      expect(contrast(readColour(v[ink!]!)!, readColour(v[on!]!)!)).toBeGreaterThanOrEqual(4.5)
    }
    expect(v['--g-font']).toContain('system-ui')
  }
})

test('a countdown ends at nothing', () => {
  expect([left(t0 + 754_000, t0), left(t0 + 3_725_500, t0), left(t0 + 1, t0), left(t0, t0), left(t0 - 9999, t0), left(t0 + 3 * 86_400_000, t0)]).toEqual(['12:34', '1:02:06', '0:01', '0:00', '0:00', '3 days'])
})

test('a screen reader says what comes, and is not kept talking', () => {
  const words = (more: object) => wordsOf(showing(1, 'a', 0, undefined, more))
  expect(words({ title: 'Ada', text: 'Harbour master' })).toBe('Ada. Harbour master')
  expect(words({ kind: 'chat', title: 'kelpie', text: 'Hello' })).toBe('kelpie: Hello')
  expect(words({ kind: 'coming-up', title: '', lines: ['Weather', 'Tides'] })).toBe('Coming up. Weather. Tides')
  expect(words({ kind: 'ticker', lines: ['x'] })).toBe('')
})
