import { expect, test } from 'vitest'
import { back, clipOf, countdown, cutTo, lasts, nextClips, whereIn, type Clip } from './cue'

const clip = (id: string, more: Partial<Clip> = {}): Clip => ({ id, title: id, tags: [], state: 'ready', in: 0, duration: 10, ...more })

test('a clip lasts from where it begins to where it ends', () => {
  expect(lasts(clip('a'))).toBe(10)
  expect(lasts(clip('a', { in: 2, out: 5 }))).toBe(3)
  expect(lasts(clip('a', { in: 2, out: 0 }))).toBe(8)
})

test('what follows a clip is said only where it is chosen', () => {
  const all = Array.from({ length: 30 }, (_, i) => clip(`c${i}`))
  expect(cutTo('c1', all, back)).toEqual({ source: 'clip:c1' })
  expect(cutTo('c1', all, 'cam')).toEqual({ source: 'clip:c1', then: 'cam' })
  expect(cutTo('c27', all, nextClips)).toEqual({ source: 'clip:c27', clips: ['c28', 'c29'] })
  expect(cutTo('c0', all, nextClips).clips).toHaveLength(19)
  expect(clipOf('clip:c1')).toBe('c1')
  expect(clipOf('cam')).toBe(null)
})

test('of a cue it is known which clip plays and for how long', () => {
  const at = (s: number) => new Date(s * 1000).toISOString()
  const cue = { clips: [{ clip: 'a', begins: at(0), ends: at(5) }, { clip: 'b', begins: at(5), ends: at(65) }], ends: at(65) }
  expect(whereIn(cue, 2000)).toEqual({ clip: 'a', left: 3, all: 63 })
  expect(whereIn(cue, 5000)).toEqual({ clip: 'b', left: 60, all: 60 })
  expect(whereIn(cue, 99_000)).toEqual({ clip: 'b', left: 0, all: 0 })
  expect(countdown(60)).toBe('1:00')
  expect(countdown(9.94)).toBe('9.9')
})
