import { describe, expect, it } from 'vitest'
import { clips, fall, Hush, levelOf, place, quietest } from './level'

describe('levelOf', () => {
  it('measures a tone', () => {
    const tone = Float32Array.from({ length: 4410 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 441 * i) / 44100))
    const { rms, peak } = levelOf(tone)
    expect(rms).toBeCloseTo(-9.03, 1)
    expect(peak).toBeCloseTo(-6.02, 1)
  })
  it('has a bottom', () => {
    expect(levelOf(new Float32Array(8))).toEqual({ rms: quietest, peak: quietest })
    expect(levelOf(new Float32Array(0))).toEqual({ rms: quietest, peak: quietest })
  })
})

describe('fall', () => {
  it('follows at once upwards, and falls slowly', () => {
    const loud = { rms: -10, peak: -4 }
    expect(fall({ rms: -40, peak: -40 }, loud, 0.1)).toEqual(loud)
    expect(fall(loud, { rms: -60, peak: -60 }, 0.5)).toEqual({ rms: -20, peak: -14 })
    expect(fall(loud, { rms: -60, peak: -60 }, 60)).toEqual({ rms: quietest, peak: quietest })
  })
})

describe('clips', () => {
  it('begins at full scale', () => {
    expect([clips(-60), clips(-0.5), clips(0), clips(2)]).toEqual([false, false, true, true])
  })
})

describe('place', () => {
  it('stands between the ends', () => {
    expect([place(0), place(-30), place(-60), place(-90), place(6)]).toEqual([1, 0.5, 0, 0, 1])
  })
})

describe('Hush', () => {
  it('speaks up when it was quiet for long enough', () => {
    const h = new Hush(8)
    expect(h.hear(-20, 0)).toBe(false)
    expect(h.hear(-60, 1)).toBe(false)
    expect(h.hear(-60, 8)).toBe(false)
    expect(h.hear(-60, 9)).toBe(true)
    expect(h.hear(-20, 10)).toBe(false)
    expect(h.hear(-60, 11)).toBe(false)
  })
})
