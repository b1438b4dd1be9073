import { expect, test } from 'vitest'
import { lacking, longest, marked, markFrom, Marking, markTo, moment, none } from './marks'

test('marks are a beginning before an end', () => {
  expect(lacking(none)).toMatch('begins')
  const from = markFrom(none, 1000)
  expect(lacking(from)).toMatch('ends')
  const both = markTo(from, 4000)
  expect(lacking(both)).toBe('')
  expect(markFrom(both, 5000)).toEqual({ from: 5000, to: null })
  expect(markTo(both, 500)).toEqual({ from: null, to: 500 })
  expect(markFrom(both, 2000)).toEqual({ from: 2000, to: 4000 })
  expect(lacking({ from: 0, to: longest + 1 })).toMatch('six hours')
})

test('moments are said in universal time', () => expect(moment(1500)).toBe('1970-01-01T00:00:01.500Z'))

test('a mark that cannot be set says so, and is said in words', () => {
  let seen: number | null = null
  const m = new Marking(() => seen)
  m.in()
  expect(m.refused.value).toMatch('no picture')
  expect(m.marks.value).toBe(none)
  seen = 1000
  m.out()
  expect(m.refused.value).toBe('')
  expect(marked(m.marks.value)).toMatch(/^Ends at .* Mark where it begins\.$/)
  seen = 500
  m.in()
  expect(m.marks.value).toEqual({ from: 500, to: 1000 })
  expect(marked(m.marks.value)).toMatch(/^From .*, 0:00 long\.$/)
  m.forget()
  expect(marked(m.marks.value)).toBe('Nothing is marked.')
})
