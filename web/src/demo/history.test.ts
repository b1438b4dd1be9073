import { expect, test } from 'vitest'
import { before, note, noteAll, place, span, type Lanes } from './history'
import { readEntry, readState } from './live'

test('stretches follow one another, and old ones are forgotten', () => {
  let lanes: Lanes = note({}, 'a', 'ready', 1000, 400)
  lanes = note(lanes, 'a', 'ready', 2000)
  expect(lanes['a']).toEqual([{ from: 400, to: null, kind: 'ready' }])
  lanes = note(lanes, 'a', 'dead', 3000)
  expect(lanes['a']).toEqual([{ from: 400, to: 3000, kind: 'ready' }, { from: 3000, to: null, kind: 'dead' }])
  lanes = note(lanes, 'a', 'ready', 4000 + span)
  expect(lanes['a']).toEqual([{ from: 3000, to: 4000 + span, kind: 'dead' }, { from: 4000 + span, to: null, kind: 'ready' }])
  expect(place(lanes['a']![0]!, 4000 + span)).toEqual({ at: 0, wide: 1 })
  expect(place({ from: 0, to: 10, kind: 'x' }, 11 + span)).toBeNull()
})

test('what the demonstration says is read with gaps, and becomes lanes', () => {
  expect(readState(null).nodes).toEqual([])
  const s = readState({ bucket: { away: true }, nodes: [{ name: 'a', state: 'ready', cut: true, seen: { b: 'suspect' }, takesIn: ['live', 3] }, 7] })
  expect(s.nodes[0]).toMatchObject({ name: 'a', takesIn: ['live'], witnesses: [], seen: { b: 'suspect' }, share: 0 })
  const lanes = noteAll({}, s, false, true, 5)
  expect(Object.fromEntries(Object.entries(lanes).map(([k, v]) => [k, v[0]!.kind]))).toMatchObject({ picture: 'standing', a: 'cut', bucket: 'away' })
  expect(readEntry({ id: 3, text: 'x' })).toMatchObject({ id: 3, kind: '', text: 'x' })
  expect(readEntry({ text: 'x' })).toBeNull()
})

test('what was before the page is read from the log', () => {
  const said = [[1, 'start', 'a'], [2, 'ready', 'a'], [3, 'role', 'a'], [4, 'bucket', '', true], [5, 'kill', 'a'], [6, 'bucket', '', false]] as const
  const lanes = before(said.map(([at, kind, node, on]) => readEntry({ id: at, at, kind, node, on })!))
  const of = (lane: string) => lanes[lane]!.map((s) => [s.kind, s.from, s.to])
  expect(of('a')).toEqual([['starting', 1, 2], ['ready', 2, 5], ['dead', 5, null]])
  expect(of('bucket')).toEqual([['there', 1, 4], ['away', 4, 6], ['there', 6, null]])
})
