import { describe, expect, it } from 'vitest'
import { behind, left, seconds, whereIs, type Rundown } from './steps'

const show: Rundown = { steps: ['a', 'b', 'c'].map((id) => ({ id, version: 1, duration: 60 })), current: 'b', since: '2026-01-01T10:00:00Z' }

describe('whereIs', () => {
  it('knows what is on and what comes next', () => {
    expect(whereIs(show)).toEqual({ on: 1, next: 2 })
    expect(whereIs({ ...show, current: 'c' })).toEqual({ on: 2, next: -1 })
    expect(whereIs({ steps: show.steps, since: show.since })).toEqual({ on: -1, next: 0 })
    expect(whereIs({ steps: [], since: '' })).toEqual({ on: -1, next: -1 })
  })
})

describe('left', () => {
  it('counts down, and beyond', () => {
    const now = Date.parse('2026-01-01T10:00:45Z')
    expect(left(show, now)).toBe(15)
    expect(left(show, now + 30_000)).toBe(-15)
    expect(left({ ...show, steps: [{ id: 'b', version: 1 }] }, now)).toBeNull()
  })
})

describe('behind', () => {
  it('moves by one, within the rundown', () => {
    expect(behind(show, 'a', 1)).toBe('b')
    expect(behind(show, 'b', 1)).toBe('c')
    expect(behind(show, 'b', -1)).toBe('')
    expect(behind(show, 'c', -1)).toBe('a')
    expect(behind(show, 'a', -1)).toBeNull()
    expect(behind(show, 'c', 1)).toBeNull()
    expect(behind(show, 'x', 1)).toBeNull()
  })
})

describe('seconds', () => {
  it('reads what people write', () => {
    expect(['1:30', '90 s', '2', '1.5 min', '1:00:00', ''].map(seconds)).toEqual([90, 90, 120, 90, 3600, 0])
    expect(['soon', '1:75', '-3'].map(seconds)).toEqual([null, null, null])
  })
})
