import { expect, test } from 'vitest'
import { decode, squares, wrap } from './code'
import { empty, frame, jump, longest, numberAt, recovered, rest, standing, steps, type Frame, type Tally } from './meter'

/** The squares of a number, as the encoder draws them. */
function draw(n: number): number[] {
  const bits = [1]
  for (let i = 19; i >= 0; i--) bits.push((n >> i) & 1)
  for (let i = 2; i >= 0; i--) bits.push(((n % 7) >> i) & 1)
  return bits.map((b) => (b ? 240 : 12))
}

test('numbers are read, and what is none is none', () => {
  for (const n of [0, 1, 54396, 123456, wrap - 1]) expect(decode(draw(n))).toBe(n)
  expect(decode(new Array(squares).fill(255))).toBeNull()
  expect(decode(new Array(squares).fill(0))).toBeNull()
  expect(decode([1, 2])).toBeNull()
  const torn = draw(54396)
  torn[20] = 255 - torn[20]!
  expect(decode(torn)).toBeNull()
})

const fps = 30
const at = (number: number | null, media: number, wall: number, presented: number): Frame => ({ number, media: media / fps, at: (wall * 1000) / fps, presented })
const play = (frames: Frame[], t: Tally = empty): Tally => frames.reduce((all, f) => frame(all, f, fps), t)

test('every picture in its turn', () => {
  const t = play(Array.from({ length: 90 }, (_, i) => at(1000 + i, i, i, i)))
  expect(t).toMatchObject({ shown: 90, lost: 0, undrawn: 0, stalls: 0, longest: 0 })
})

test('lost in the stream, not drawn, and not told of are three things', () => {
  // A cut: the numbers jump by 31, the stream goes on without a hole.
  expect(play([at(10, 0, 0, 1), at(41, 1, 1, 2)])).toMatchObject({ shown: 2, lost: 30, undrawn: 0 })
  // This computer was busy: the stream had the pictures.
  expect(play([at(10, 0, 0, 1), at(15, 5, 5, 2)])).toMatchObject({ shown: 2, lost: 0, undrawn: 4 })
  // The browser showed them and did not say so.
  expect(play([at(10, 0, 0, 1), at(15, 5, 5, 6)])).toMatchObject({ shown: 6, lost: 0, undrawn: 0 })
  // The player jumped over them: the viewer lost them, whatever the stream had.
  expect(play([at(15, 5, 5, 2)], jump(play([at(10, 0, 0, 1)])))).toMatchObject({ shown: 2, lost: 4, undrawn: 0 })
})

test('a standstill is measured, also while it lasts', () => {
  const before = play([at(1, 0, 0, 1), at(2, 1, 1, 2)])
  expect(standing(before, 200)).toBe(0)
  expect(longest(before, 1033.3)).toBeCloseTo(1000, 0)
  const after = play([at(2, 1, 30, 3), at(3, 2, 61, 4)], before)
  expect(after).toMatchObject({ stalls: 1, lost: 0, shown: 3 })
  expect(after.longest).toBeCloseTo(2000, 0)
})

test('hidden, rewound and unreadable pictures lose nothing', () => {
  const t = play([at(500, 9, 900, 9), at(501, 10, 901, 10)], rest(play([at(1, 0, 0, 1)])))
  expect(t).toMatchObject({ shown: 3, lost: 0, stalls: 0 })
  expect(play([at(100, 100, 0, 1), at(40, 40, 1, 2)])).toMatchObject({ shown: 2, lost: 0 })
  expect(play([at(1, 0, 0, 1), at(null, 1, 1, 2), at(3, 2, 2, 3)])).toMatchObject({ shown: 3, lost: 0, undrawn: 0 })
})

test('numbers begin anew', () => {
  expect(steps(wrap - 1, 0)).toBe(1)
  expect(steps(5, 3)).toBe(-2)
  expect(play([at(wrap - 1, 0, 0, 1), at(0, 1, 1, 2)])).toMatchObject({ shown: 2, lost: 0 })
})

test('recovered is who shows a picture made after the death', () => {
  const epoch = 1_000_000
  const killed = { killed: epoch + 10_000, took: null }
  expect(numberAt(killed.killed, epoch, fps)).toBe(300)
  const old = recovered(killed, at(290, 0, 0, 1), epoch + 10_500, epoch, fps)
  expect(old?.took).toBeNull()
  expect(recovered(old, at(301, 0, 0, 1), epoch + 11_200, epoch, fps)?.took).toBe(1200)
  expect(recovered(null, at(301, 0, 0, 1), epoch, epoch, fps)).toBeNull()
})
