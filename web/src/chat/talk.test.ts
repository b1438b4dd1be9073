import { expect, test } from 'vitest'
import { emotes, readOwn, withEmotes } from './emotes'
import { apply, isPicture, nothing, pieces, withOwn, type Talk } from './talk'

const said = (n: number, text = `message ${n}`) => ({ id: String(n).padStart(21, '0'), at: '2026-03-01T20:00:00Z', who: 'g1', name: 'Ann', text })
const ids = (t: Talk) => t.messages.map((m) => Number(m.id))

test('messages come once, in their order, whichever node they come from', () => {
  const gone = new Set<string>()
  let t = apply(nothing, { cursor: 'a.1', snapshot: true, messages: [said(1), said(2)] }, gone).talk
  t = apply(t, { cursor: 'a.2', messages: [said(4)] }, gone).talk
  t = apply(t, { cursor: 'b.9', snapshot: true, messages: [said(2), said(3), said(4)] }, gone).talk // another node
  expect(ids(t)).toEqual([1, 2, 3, 4])
})

test('what was removed does not come again', () => {
  const gone = new Set<string>()
  let t = apply(nothing, { cursor: 'a.1', messages: [said(1), said(2)] }, gone).talk
  t = apply(t, { cursor: 'a.2', removed: [said(1).id, said(3).id] }, gone).talk
  t = apply(t, { cursor: 'b.1', snapshot: true, messages: [said(1), said(2), said(3)] }, gone).talk
  expect(ids(t)).toEqual([2])
})

test('held messages wait until they are freed or removed', () => {
  const gone = new Set<string>()
  let t = apply(nothing, { held: [said(1), said(2), said(3)] }, gone).talk
  t = apply(t, { freed: [said(1).id], messages: [said(7, 'message 1')] }, gone).talk
  t = apply(t, { removed: [said(2).id] }, gone).talk
  expect(t.held.map((m) => m.text)).toEqual(['message 3'])
  expect(apply(t, { snapshot: true }, gone).talk.held).toEqual([])
})

test('a page keeps only so many', () => {
  let t = nothing
  for (let i = 0; i < 300; i++) t = apply(t, { messages: [said(i)] }, new Set()).talk
  expect(t.messages.length).toBe(200)
  expect(ids(t)[0]).toBe(100)
})

test('rules, polls and reactions; whatever else comes does no harm', () => {
  const gone = new Set<string>()
  let told = apply(nothing, { rules: { mode: 'crew', slow: 5 }, poll: { id: 'p', question: '?', options: ['a', 'b'], counts: [1], ended: '0001-01-01T00:00:00Z' }, reactions: { heart: 2, clap: -1, x: 'y' } }, gone)
  expect(told.talk).toMatchObject({ mode: 'crew', slow: 5, known: true, poll: { counts: [1, 0], ended: false } })
  expect(told.reactions).toEqual({ heart: 2 })
  told = apply(told.talk, { noPoll: true }, gone)
  expect(told.talk.poll).toBeNull()
  for (const odd of [null, 3, 'x', [], { messages: 5, removed: 'x', poll: [], rules: null, held: [null, { id: 7 }] }]) expect(() => apply(told.talk, odd, gone)).not.toThrow()
})

test('emotes', () => {
  expect(withEmotes('well done :clap: :nothing: 12:30:15 :heart:')).toBe(`well done 👏 :nothing: 12:30:15 ${emotes['heart']}`)
  expect(isPicture('👏👏')).toBe(true)
  expect(isPicture('❤️')).toBe(true)
  expect(isPicture('12')).toBe(false)
  expect(isPicture('👏 well')).toBe(false)
})

test('addresses become links, and nothing else does', () => {
  expect(pieces('see https://x.example/a?b=1, and javascript:alert(1)')).toEqual([{ text: 'see ' }, { text: 'https://x.example/a?b=1', href: 'https://x.example/a?b=1' }, { text: ', and javascript:alert(1)' }])
  expect(pieces('<b>https://x.example"onclick</b>').map((p) => p.href)).toEqual([undefined, 'https://x.example/', undefined])
  expect(pieces('https://')).toEqual([{ text: 'https://' }])
})

test('own emotes are pictures where they are known, and text where not', () => {
  const own = readOwn([{ name: 'bell', image: `${'ab'.repeat(16)}.png` }, { name: 'wave', image: `/assets/channels/x/${'cd'.repeat(16)}.jpg` }, { name: 'Bad', image: 'x' }, { name: 'evil', image: 'https://evil.example/x.png' }, null, { name: '__proto__', image: `${'ab'.repeat(16)}.svg` }], 'news')
  expect(own).toEqual({ bell: `/assets/channels/news/${'ab'.repeat(16)}.png`, wave: `/assets/channels/news/${'cd'.repeat(16)}.jpg` })
  const show = (text: string) => withOwn(text, own).map((p) => (p.image ? `[${p.name}]` : p.text))
  expect(show('ring :bell: twice :bell::bell:')).toEqual(['ring ', '[bell]', ' twice ', '[bell]', '[bell]'])
  expect(show('at 12:bell:30')).toEqual(['at 12', '[bell]', '30'])
  expect(show(':gone: :toString: :constructor:')).toEqual([':gone: :toString: :constructor:'])
  expect(withOwn('', own)).toEqual([])
  expect(withEmotes(':wave: :clap: :constructor:', own)).toBe(':wave: 👏 :constructor:')
  expect([isPicture(':bell: 👏', own), isPicture(':bell:'), isPicture(':bell: ding', own)]).toEqual([true, false, false])
})
