import { expect, test } from 'vitest'
import { labelOf } from './captions'
import { readOffered } from './film'
import { embedAddress, readMoment, readOptions, writeMoment } from './options'

test('moments are read as people write them, and written so that they are read again', () => {
  for (const [text, into] of [['90', 90], ['90s', 90], ['1m30s', 90], ['1h2m3s', 3723], ['1:30', 90], ['1:02:03', 3723], ['0', 0], ['5m', 300]] as const) expect(readMoment(text), text).toEqual({ into })
  expect(readMoment('1795795200')).toEqual({ at: 1795795200000 })
  expect(readMoment('2026-11-27T20:15:00Z')).toEqual({ at: Date.UTC(2026, 10, 27, 20, 15) })
  expect(readMoment('2026-11-27T21:15:00+01:00')).toEqual({ at: Date.UTC(2026, 10, 27, 20, 15) })
  for (const bad of ['', 'x', '-5', '1e3', '2026-11-27', '9999999999999', 'm', '<b>', '1:2', '2026-99-99T00:00:00Z', 'Infinity']) expect(readMoment(bad), bad).toBeNull()
  for (const m of [{ into: 0 }, { into: 59 }, { into: 3600 }, { into: 7325 }, { at: Date.UTC(2026, 0, 2, 3, 4, 5) }]) expect(readMoment(writeMoment(m))).toEqual(m)
})

test('an address asks an embedded player for much, the page’s own for where to begin', () => {
  const all = '?play=abc-1&t=90&muted=0&autoplay=0&controls=0&title=1&viewers=1&chat=1&accent=0B7285&volume=0.3&captions=de&background=%23ffffff'
  expect(readOptions(all, true)).toEqual({
    moment: { into: 90 }, item: 'abc-1', muted: false, volume: 0.3, autoplay: false, controls: false, title: true, viewers: true, chat: true, accent: '#0b7285', background: '#ffffff', captions: 'de',
  })
  expect(readOptions(all, false)).toMatchObject({ item: 'abc-1', moment: { into: 90 }, muted: true, autoplay: true, controls: true, title: false, chat: false, accent: '' })
  expect(readOptions('?play=<script>&accent=red;background:url(x)&volume=loud&captions=<b>', true)).toMatchObject({ item: '', accent: '', volume: 1, captions: '' })
})

test('the address of an embed says only what is not as usual', () => {
  expect(embedAddress('http://h', 'news', { muted: true, autoplay: true })).toBe('http://h/news/embed')
  const made = embedAddress('http://h', 'news', { item: 'a1', muted: false, autoplay: false, controls: false, title: true, viewers: true, chat: true, accent: '#0b7285' })
  expect(readOptions(new URL(made).search, true)).toMatchObject({ item: 'a1', muted: false, autoplay: false, controls: false, title: true, viewers: true, chat: true, accent: '#0b7285' })
})

test('what is offered is read strictly', () => {
  const good = { id: 'a1', kind: 'recording', title: 'T', made: '2026-01-01T00:00:00Z', duration: 5, poster: '/api/v1/channels/x/p', playlist: '/api/v1/channels/x/i', page: '/x?play=a1' }
  expect(readOffered(good)).toEqual(good)
  expect(readOffered({ ...good, poster: 'javascript:alert(1)', page: '//evil' , title: '', kind: 'x' })).toMatchObject({ poster: '', title: 'a1', kind: 'clip' })
  for (const bad of [null, {}, { ...good, id: '<b>' }, { ...good, playlist: 'https://evil.example/x' }]) expect(readOffered(bad)).toBeNull()
})

test('captions without a name get one', () => {
  expect([labelOf('', '', 0), labelOf('', '', 1), labelOf('', 'de', 0), labelOf('CC1', 'en', 0)]).toEqual(['Captions', 'Captions 2', 'German', 'CC1'])
})
