import { expect, it } from 'vitest'
import { Latest } from './latest'

it('tells of the first at once, then of the newest, and of the last', async () => {
  const told: number[] = []
  let next = (): void => undefined
  let rested = 0
  const latest = new Latest<number>(async (v) => void told.push(v), () => rested++, () => new Promise<void>((done) => (next = done)))
  const goOn = async () => {
    await new Promise((done) => setTimeout(done))
    next()
    await new Promise((done) => setTimeout(done))
  }
  latest.put(1)
  latest.put(2)
  latest.put(3)
  await goOn()
  expect(told).toEqual([1, 3])
  await goOn()
  expect([told, rested]).toEqual([[1, 3], 1])
  latest.put(4)
  await goOn()
  expect([told, rested]).toEqual([[1, 3, 4], 2])
})
