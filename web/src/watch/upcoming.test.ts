import { expect, test } from 'vitest'
import { days, readProgrammes } from './upcoming'

const at = (day: number, hour: number) => new Date(2026, 4, day, hour).getTime()
const p = (title: string, from: number, to: number) => ({ title, start: from, stop: to })

test('a guide is shown by days, from what plays now on', () => {
  const shown = days([p('Over', at(4, 6), at(4, 8)), p('Loop', at(4, 8), at(4, 20)), p('News', at(4, 20), at(4, 21)), p('Loop', at(4, 21), at(5, 20)), p('News', at(5, 20), at(5, 21)), p('News', at(5, 21), at(5, 22))], at(4, 12), (_d, away) => `+${away}`)
  expect(shown.map((d) => [d.name, d.programmes.map((x) => x.title)])).toEqual([['+0', ['Loop', 'News', 'Loop']], ['+1', ['News']]])
  expect(shown[1]!.programmes[0]).toMatchObject({ start: at(5, 20), stop: at(5, 22) })
  // What began yesterday and plays now is today's.
  expect(days([p('Night', at(3, 22), at(4, 13))], at(4, 12), (_d, away) => `+${away}`)).toEqual([{ name: '+0', programmes: [p('Night', at(3, 22), at(4, 13))] }])
})

test('a guide is read strictly', () => {
  expect(readProgrammes({ programmes: [{ start: '2026-05-04T10:00:00Z', stop: '2026-05-04T11:00:00Z' }, { start: 'x', stop: 'y' }, null, { start: '2026-05-04T11:00:00Z', stop: '2026-05-04T10:00:00Z' }] })).toEqual([
    { start: Date.UTC(2026, 4, 4, 10), stop: Date.UTC(2026, 4, 4, 11), title: 'Programme' },
  ])
  for (const bad of [null, 3, {}, { programmes: 3 }]) expect(readProgrammes(bad)).toEqual([])
})
