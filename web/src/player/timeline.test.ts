import { expect, test } from 'vitest'
import { dateAt, durationOf, lastKeyframe, positionOf, reach, type Piece } from './timeline'

const t0 = 1_700_000_000_000
// Two segments, a pause of a minute, one more segment.
const pieces: Piece[] = [
  { start: 10, duration: 2, date: t0 },
  { start: 12, duration: 2, date: t0 + 2000 },
  { start: 14, duration: 2, date: t0 + 64_000 },
]

const date = (p: Piece) => p.date

test('the date at a position', () => {
  expect(dateAt(pieces, 11, date)).toBe(t0 + 1000)
  expect(dateAt(pieces, 15.5, date)).toBe(t0 + 65_500)
  expect(dateAt(pieces, 9, date)).toBeNull()
  expect(dateAt([], 9, date)).toBeNull()
  expect(dateAt([pieces[0]!, { start: 12, duration: 2, date: null }], 13, date)).toBe(t0 + 3000)
})

test('the position of a date; in a pause, what comes next', () => {
  expect(positionOf(pieces, t0 + 3000)).toBe(13)
  expect(positionOf(pieces, t0 + 30_000)).toBe(14)
  expect(positionOf(pieces, t0 - 1)).toBe(10)
  expect(positionOf(pieces, t0 + 99_000)).toBeNull()
})

test('how far back', () => {
  expect(reach(60, false, null, 7200, 600)).toBe(600)
  expect(reach(60, false, null, 7200, 10)).toBe(60)
  expect(reach(60, false, null, 300, 4000)).toBe(300)
  expect(reach(60, false, 900, 7200, 10)).toBe(900)
  expect(reach(140, true, 900, 7200, 600)).toBe(140)
})

test('the length of a playlist', () => {
  expect(durationOf('#EXTM3U\n#EXTINF:2.000000,\na\n#EXT-X-PART:DURATION=0.25,URI="b"\n#EXTINF:1.5,\nc\n')).toBe(3.5)
})


test('the keyframe to begin at', () => {
  const parts = [0, 1, 2, 3, 4, 5].map((n) => ({ start: n, independent: n % 3 === 0 }))
  expect(lastKeyframe(parts, 5.5)).toBeCloseTo(3.01)
  expect(lastKeyframe(parts, 2.5)).toBeCloseTo(0.01)
  expect(lastKeyframe(parts, 3.4)).toBeNull()
  expect(lastKeyframe([], 3)).toBeNull()
})
