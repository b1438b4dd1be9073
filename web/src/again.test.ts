import { describe, expect, it } from 'vitest'
import { fetched } from './again'

describe('fetched', () => {
  const after = (failures: number) => {
    const waits: number[] = []
    let asked = 0
    const part = async () => {
      if (asked++ < failures) throw new TypeError('Failed to fetch dynamically imported module')
      return 'part'
    }
    return { waits, got: fetched(part, async (ms) => waits.push(ms)) }
  }
  it('asks once where it comes', async () => {
    const { waits, got } = after(0)
    expect(await got).toBe('part')
    expect(waits).toEqual([])
  })
  it('asks again, with longer and longer pauses', async () => {
    const { waits, got } = after(3)
    expect(await got).toBe('part')
    expect(waits).toEqual([1000, 2000, 4000])
  })
  it('gives up after about a minute', async () => {
    const { waits, got } = after(100)
    await expect(got).rejects.toThrow('Failed to fetch')
    expect(waits.reduce((a, b) => a + b)).toBeGreaterThan(45_000)
  })
})
