import { expect, test } from 'vitest'
import { readShow, until, when } from './show'

const good = { id: '0123456789abcdef', title: 'Opening', at: '2026-05-01T18:00:00Z', ends: '2026-05-01T19:00:00Z', calendar: '/api/v1/channels/news/shows/0123456789abcdef/calendar.ics' }

test('a show is read, and what is none is not', () => {
  expect(readShow(good)).toMatchObject({ title: 'Opening', text: '', at: Date.UTC(2026, 4, 1, 18) })
  for (const bad of [null, 'x', { ...good, title: '' }, { ...good, at: 'soon' }, { ...good, calendar: 'javascript:alert(1)' }, { ...good, calendar: 'https://evil.example/x.ics' }]) expect(readShow(bad)).toBe(null)
})

test('how long until it begins is said in two units at most', () => {
  expect(until(2 * 86_400_000 + 3600_000)).toBe('2 days 1 hour')
  expect(until(86_400_000)).toBe('1 day')
  expect(until(3660_000)).toBe('1 hour 1 minute')
  expect(until(249_000)).toBe('4:09')
  expect(until(-5)).toBe('0:00')
})

test('when it begins is said as people do', () => {
  const at = new Date(2026, 4, 1, 20, 15)
  expect(when(at.getTime(), new Date(2026, 4, 1, 9))).toMatch(/^today at /)
  expect(when(at.getTime(), new Date(2026, 3, 20))).toMatch(/^on .*1/)
})
