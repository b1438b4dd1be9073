import { expect, test } from 'vitest'
import { plan, returnLimit, startLimit, stillLimit, type Situation } from './plan'

const calm: Situation = {
  now: 100_000, channel: 'live', link: true, rewound: false, wanted: true, hidden: false,
  engine: { mode: 'live', built: 50_000, moved: 99_900 }, off: false, returned: 0, nextTry: 0,
}
const of = (s: Partial<Situation>) => plan({ ...calm, ...s })

test('what plays is kept', () => expect(of({})).toBe('keep'))

test('without an engine one is built, when its time has come and the server is there', () => {
  expect(of({ engine: null })).toBe('build-live')
  expect(of({ engine: null, rewound: true })).toBe('build-dvr')
  expect(of({ engine: null, nextTry: 100_001 })).toBe('keep')
  expect(of({ engine: null, link: false })).toBe('keep')
})

test('nothing is built for a channel that has nothing to play', () => {
  for (const channel of ['unknown', 'never', 'missing', 'off'] as const) expect(of({ engine: null, channel })).toBe('keep')
  expect(of({ channel: 'never' })).toBe('drop')
})

test('off air: played out, then put away; rewinding still works', () => {
  expect(of({ channel: 'off' })).toBe('keep')
  expect(of({ channel: 'off', off: true })).toBe('drop')
  expect(of({ channel: 'off', engine: null, rewound: true })).toBe('build-dvr')
})

test('rewinding and going back to live change the playlist', () => {
  expect(of({ rewound: true })).toBe('build-dvr')
  expect(of({ engine: { ...calm.engine!, mode: 'dvr' } })).toBe('build-live')
})

test('a picture that stands is built anew, later when it never moved', () => {
  const still = { mode: 'live', built: 50_000, moved: 100_000 - stillLimit - 1 } as const
  expect(of({ engine: still })).toBe('build-live')
  expect(of({ engine: { ...still, moved: 100_000 - stillLimit + 100 } })).toBe('keep')
  const fresh = { mode: 'live', built: 100_000 - stillLimit - 1, moved: 0 } as const
  expect(of({ engine: fresh })).toBe('keep')
  expect(of({ engine: { ...fresh, built: 100_000 - startLimit - 1 } })).toBe('build-live')
})

test('a viewer who paused, a hidden page and a lost server are no reason to build', () => {
  const still = { mode: 'live', built: 50_000, moved: 60_000 } as const
  expect(of({ engine: still, wanted: false })).toBe('keep')
  expect(of({ engine: still, hidden: true })).toBe('keep')
  expect(of({ engine: still, link: false })).toBe('keep')
})

test('after a return the old engine has a moment to go on by itself', () => {
  const still = { mode: 'live', built: 50_000, moved: 96_000 } as const
  expect(of({ engine: still, returned: 100_000 - returnLimit + 100 })).toBe('keep')
  expect(of({ engine: still, returned: 100_000 - returnLimit - 1 })).toBe('build-live')
  expect(of({ engine: { ...still, moved: 99_500 }, returned: 97_500 })).toBe('keep')
})
