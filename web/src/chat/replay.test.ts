import { expect, test } from 'vitest'
import { add, by, lacks, nothingHeard, stretch } from './replay'

const at = (s: number) => new Date(s * 1000).toISOString()
const said = (id: string, s: number) => ({ id, at: at(s), who: 'w', name: 'Ada', text: id })

test('what was said is asked for before its time, and shown at its time', () => {
  const now = 1_000_000
  expect(lacks(nothingHeard, now)).toBe(now - stretch)
  const from = now - stretch
  let { heard, next } = add(nothingHeard, from, now + stretch, { messages: [said('a', 990), said('b', 1010)] })
  expect(next).toBe(now + stretch)
  expect(by(heard, now).map((m) => m.id)).toEqual(['a'])
  expect(by(heard, 1_010_000).map((m) => m.id)).toEqual(['a', 'b'])
  expect(lacks(heard, now)).toBeNull()
  expect(lacks(heard, now + stretch - 5000)).toBe(now + stretch)
  heard = add(heard, heard.to, heard.to + stretch, { messages: [said('b', 1010), said('c', 1310)] }).heard
  expect(heard.messages.map((m) => m.id)).toEqual(['a', 'b', 'c'])
  expect(heard.from).toBe(from)
})

test('who goes elsewhere begins anew, and a long answer is asked for in parts', () => {
  const before = add(nothingHeard, 1000, 2000, { messages: [said('a', 1)] }).heard
  expect(lacks(before, 900_000)).toBe(900_000 - stretch)
  const { heard } = add(before, 600_000, 1_200_000, { messages: [said('x', 700)], next: at(800) })
  expect(heard).toMatchObject({ from: 600_000, to: 800_000 })
  expect(heard.messages.map((m) => m.id)).toEqual(['x'])
})

test('an answer that makes no sense is an empty one', () => {
  for (const v of [null, 7, 'x', {}, { messages: 3 }, { messages: [null, {}, { id: 1 }] }]) {
    expect(add(nothingHeard, 1, 2, v).heard).toEqual({ from: 1, to: 2, messages: [] })
  }
})
