import { expect, test } from 'vitest'
import { decode, squares, wrap } from './code'
import { blind, empty, frame, jump, longest, numberAt, proof, recovered, rest, standing, steps, undrawn, type Frame, type Tally } from './meter'

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

/** Pictures one after the other, numbers from first on, at places from media on. */
const run = (count: number, first: number, media: number, wall = media, presented = media): Frame[] =>
  Array.from({ length: count }, (_, i) => at(first + i, media + i, wall + i, presented + i))

test('every picture in its turn', () => {
  const t = play(run(90, 1000, 0))
  expect(t).toMatchObject({ shown: 90, lost: 0, stalls: 0, longest: 0 })
  expect(undrawn(t)).toBe(0)
})

test('lost in the stream, not drawn, and not told of are three things', () => {
  // A cut: the numbers jump by 31, the stream goes on without a hole.
  const cut = play([...run(10, 100, 0), ...run(20, 140, 10)])
  expect(cut).toMatchObject({ shown: 30, lost: 30 })
  expect(undrawn(cut)).toBe(0)
  // This computer was busy: the stream had the pictures.
  const busy = play([...run(10, 100, 0), ...run(20, 114, 14, 14, 10)])
  expect(busy).toMatchObject({ shown: 30, lost: 0 })
  expect(undrawn(busy)).toBe(4)
  // The browser showed them and did not say so.
  const untold = play([...run(10, 100, 0), ...run(20, 114, 14)])
  expect(untold).toMatchObject({ shown: 34, lost: 0 })
  expect(undrawn(untold)).toBe(0)
  // The player jumped over them: the viewer lost them, whatever the stream had.
  expect(play(run(10, 115, 15, 15, 10), jump(play(run(10, 100, 0))))).toMatchObject({ shown: 20, lost: 5 })
  // Anew, with another clock of the stream: the numbers alone count.
  expect(play(run(10, 160, 9000, 20, 10), jump(play(run(10, 100, 0))))).toMatchObject({ shown: 20, lost: 50 })
})

test('a number read a picture too early is no loss, and one that was taken for a loss is taken back', () => {
  const early = [...run(10, 100, 0), at(111, 10, 10, 10), ...run(10, 111, 11), at(122, 21, 21, 21), at(124, 22, 22, 22), ...run(10, 123, 23)]
  expect(play(early)).toMatchObject({ lost: 0 })
  const long = play([...run(10, 100, 0), ...run(proof + 2, 111, 10)])
  expect(long.lost).toBe(1)
  expect(play(run(proof + 2, 120 + proof - 8, 12 + proof), long).lost).toBe(0)
})

test('a take that repeats pictures of the one before neither loses nor gives back', () => {
  const seam = [...run(20, 432, 460 - 432 + 60), ...run(20, 452, 108)]
  const before = run(88, 372, 0)
  expect(play([...before, ...seam])).toMatchObject({ lost: 0 })
  // The first one of them told of at a place that is three pictures too far.
  expect(play([...before, { ...seam[0]!, media: 91 / fps }, ...seam.slice(1)])).toMatchObject({ lost: 0 })
  const lossy = [...run(30, 342, 0), ...run(28, 402, 30)]
  expect(play(lossy)).toMatchObject({ lost: 30 })
  expect(play([...lossy, ...run(30, 402, 58)])).toMatchObject({ lost: 30 })
})

test('takes that do not begin on the grid of pictures lose nothing by it', () => {
  const f = (n: number, media: number) => ({ ...at(n, media, media, media) })
  const t = play([...run(20, 100, 0), ...Array.from({ length: 20 }, (_, i) => f(120 + i, 20.4 + i))])
  expect(t.lost).toBe(0)
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
  expect(play([...run(20, 100, 0), ...run(20, 20, 20)])).toMatchObject({ shown: 40, lost: 0 })
  expect(play([...run(5, 1, 0), at(null, 5, 5, 5), ...run(20, 7, 6)])).toMatchObject({ shown: 26, lost: 0 })
})

test('looked at now and then, and not readable at all', () => {
  const glance = (n: number, off = 0) => at(100 + n + off, n, n, n)
  const look = (frames: Frame[]) => frames.reduce((all, f) => frame(all, f, fps, 3), empty)
  const quiet = look(Array.from({ length: 40 }, (_, i) => glance(i * 6, i % 4)))
  expect(quiet).toMatchObject({ lost: 0, shown: 235 })
  expect(look([...Array.from({ length: 20 }, (_, i) => glance(i * 6, i % 3)), ...Array.from({ length: 20 }, (_, i) => glance(120 + i * 6, 30))]).lost).toBe(30)
  expect(blind(quiet)).toBe(false)
  expect(blind(play(run(80, 0, 0).map((f) => ({ ...f, number: null }))))).toBe(true)
})

test('numbers begin anew', () => {
  expect(steps(wrap - 1, 0)).toBe(1)
  expect(steps(5, 3)).toBe(-2)
  expect(play([...run(20, wrap - 20, 0), ...run(20, 0, 20)])).toMatchObject({ shown: 40, lost: 0 })
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
