import { expect, test } from 'vitest'
import { announce, backFor, graceAfterLoss, next, start, type Facts, type Shown, type State } from './shown'

const calm: Facts = { now: 0, channel: 'live', link: true, playable: true, picture: 'moving', behind: 1, behindLimit: 8, rewound: false, full: false }

/** Runs facts one after the other, each at its own time, and tells the states. */
function run(...steps: Partial<Facts>[]): State[] {
  let shown: Shown = start
  let facts = calm
  return steps.map((s) => {
    facts = { ...facts, ...s }
    shown = next(shown, facts)
    return shown.state
  })
}

test('a channel comes up: connecting, then live', () => {
  expect(run({ channel: 'unknown', picture: 'none' }, { channel: 'live' }, { picture: 'moving' })).toEqual(['connecting', 'connecting', 'live'])
})

test('never, missing and unplayable are told as they are', () => {
  expect(run({ picture: 'none', channel: 'never' }, { channel: 'missing' }, { playable: false })).toEqual(['never', 'missing', 'unplayable'])
})

test('a picture that still moves is live though the server is gone, and lost when it stops', () => {
  expect(run({}, { link: false, now: 100 }, { picture: 'still', now: 2000 })).toEqual(['live', 'live', 'lost'])
})

test('a lost server is lost also when nothing was ever seen', () => {
  expect(run({ picture: 'none', channel: 'unknown', link: false })).toEqual(['lost'])
})

test('after a loss the publisher has a while before the channel is called off air', () => {
  const lost = { link: false, picture: 'still', now: 1000 } as const
  expect(run({}, lost, { link: true, channel: 'off', now: 2000 }, { now: 1000 + graceAfterLoss })).toEqual(['live', 'lost', 'lost', 'off'])
  expect(run({}, lost, { link: true, channel: 'off', now: 2000 }, { channel: 'live', now: 4000 }, { picture: 'moving', now: 4500 }, { now: 4500 + backFor })).toEqual([
    'live', 'lost', 'lost', 'lost', 'back', 'live',
  ])
})

test('going off air plays out what is there first, and the return is said', () => {
  expect(run({}, { channel: 'off' }, { picture: 'still' }, { channel: 'live' }, { picture: 'moving', now: 9000 }, { now: 9000 + backFor })).toEqual([
    'live', 'live', 'off', 'connecting', 'live', 'live',
  ])
})

test('behind begins at one limit and ends at a lower one', () => {
  expect(run({ behind: 7 }, { behind: 8.1 }, { behind: 7 }, { behind: 4 })).toEqual(['live', 'behind', 'behind', 'live'])
})

test('who rewound is behind, and off air does not take the picture away', () => {
  expect(run({ rewound: true, behind: 300 }, { channel: 'off' }, { picture: 'paused' }, { picture: 'still', behind: 200 }, { behind: 1 })).toEqual([
    'behind', 'behind', 'behind', 'connecting', 'off',
  ])
})

test('a paused picture stays when the server is lost', () => {
  expect(run({}, { picture: 'paused', link: false, behind: 20 })).toEqual(['live', 'behind'])
})

test('the time of a state is the time it began', () => {
  const a = next(start, { ...calm, now: 100 })
  const b = next(a, { ...calm, now: 900 })
  expect([a.since, b.since]).toEqual([100, 100])
})

test('every state that needs the viewer to know is announced', () => {
  const told: State[] = ['behind', 'back', 'off', 'lost', 'never', 'missing', 'unplayable']
  for (const s of told) expect(announce('live', s)).not.toBe('')
  expect(announce('behind', 'live')).toContain('live')
  expect(announce('back', 'live')).toBe('')
})
