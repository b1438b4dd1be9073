import { expect, test } from 'vitest'
import { drafted, planOf, type Plan } from './plan'

const stored: Plan = {
  zone: 'Europe/Berlin', filler: 'day', version: 3,
  storyboards: [{ id: 'day', title: 'Day', clips: [{ take: 'a' }] }, { id: 'gone', title: 'Gone', clips: [{ take: 'b' }] }, { id: 'unused', clips: [{ take: 'c' }] }],
  slots: [{ storyboard: 'gone', at: '20:15:00', days: [1, 2] }, { storyboard: 'day', at: '06:00:00', date: '2026-12-24', repeat: true }],
}

test('a plan is worked on and sent as it was, but for what the library has', () => {
  const sent = planOf(drafted(stored), stored, ['day'], 'UTC')
  expect(sent).toEqual({
    zone: 'Europe/Berlin', filler: 'day', storyboards: [{ id: 'day' }, stored.storyboards[1]],
    slots: [{ storyboard: 'gone', at: '20:15', days: [1, 2] }, { storyboard: 'day', at: '06:00', date: '2026-12-24', repeat: true, days: undefined }],
  })
})

test('a first plan has the zone of who makes it, and plays every day', () => {
  const sent = planOf({ filler: 'day', slots: [{ storyboard: 'day', at: '08:00', days: [] }] }, { zone: '', filler: '', storyboards: [], version: 0 }, ['day'], 'Asia/Tokyo')
  expect(sent).toEqual({ zone: 'Asia/Tokyo', filler: 'day', storyboards: [{ id: 'day' }], slots: [{ storyboard: 'day', at: '08:00', days: [0, 1, 2, 3, 4, 5, 6] }] })
  expect(drafted({ ...sent, version: 1 }).slots[0]!.days).toEqual([])
})
