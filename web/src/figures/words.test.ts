import { expect, test } from 'vitest'
import { alone, countryWord, deviceWord, hours, series, size, steps, type Figure } from './words'

const figure = (start: string, viewers: number): Figure => ({ start, seconds: 300, viewers, most: 0, views: 0, watched: 0, stalls: 0, stalled: 0, bytes: 0, messages: 0 })

test('words', () => {
  expect([0, 0.05, 1.26, 4200].map(hours)).toEqual(['0 min', '3 min', '1.3 h', '4,200 h'])
  expect([0, 999, 1500, 2.3e9].map(size)).toEqual(['0 bytes', '999 bytes', '1.5 kB', '2.3 GB'])
  expect([deviceWord('tv'), deviceWord('constructor'), countryWord('PT'), countryWord('<b>')]).toEqual(['Televisions', 'Others', 'Portugal', '<b>'])
})

test('a chart has a point for each span', () => {
  const begin = Date.parse('2026-01-02T10:00:00Z') / 1000
  const [x, y] = series([figure('2026-01-02T10:05:00Z', 3), figure('2026-01-02T10:15:00Z', 5)], (f) => f.viewers, begin, begin + 1200)
  expect(x.map((t) => t - begin)).toEqual([0, 300, 600, 900])
  expect(y).toEqual([0, 3, 0, 5])
})

test('an axis of counts has whole numbers', () => {
  expect(steps(1).slice(0, 5)).toEqual([1, 2, 5, 10, 20])
  expect(steps(0.1).slice(0, 4)).toEqual([0.1, 0.2, 0.5, 1])
})

test('points without a neighbour stand alone', () => {
  expect(alone([4])).toEqual([0])
  expect(alone([null, 4, null, 1, 2, null, 0])).toEqual([1, 6])
  expect(alone([])).toEqual([])
})
