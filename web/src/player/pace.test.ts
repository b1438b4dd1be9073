import { expect, test } from 'vitest'
import { afterStall, keep, leastTarget, mostTarget, startPace, type Pace } from './pace'

/** Plays for so many seconds over a link that delivers `lag` seconds behind the edge; answers the distance reached. */
function play(behind: number, lag: number, seconds: number): { behind: number; changes: number } {
  let p: Pace = startPace(0)
  let changes = 0
  for (let t = 0; t < seconds * 1000; t += 200) {
    const before = p.rate
    p = keep(p, behind, behind - lag, t)
    if (p.rate !== before) changes++
    behind -= (p.rate - 1) * 0.2
  }
  return { behind, changes }
}

test('a latency that is too high comes down to the aim and stays', () => {
  const r = play(3, 0.3, 60)
  expect(r.behind).toBeLessThan(leastTarget + 0.26)
  expect(r.behind).toBeGreaterThan(leastTarget - 0.2)
  expect(r.changes).toBeLessThan(12)
})

test('who is too near falls back', () => expect(play(0.3, 0.25, 30).behind).toBeGreaterThan(0.5))

test('who is where they should be plays at one', () => expect(play(leastTarget + 0.05, 0.2, 10).changes).toBe(0))

test('stalls move the aim back, within a limit, and quiet minutes bring it forward again', () => {
  let p = startPace(0)
  for (let i = 0; i < 20; i++) p = afterStall(p, 0)
  expect(p.target).toBe(mostTarget)
  for (let t = 0; t < 60 * 60_000; t += 10_000) p = keep(p, p.target, 1, t)
  expect(p.target).toBe(leastTarget)
})
