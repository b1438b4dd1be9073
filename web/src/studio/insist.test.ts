import { afterEach, describe, expect, it, vi } from 'vitest'
import { Problem } from '../people/api'
import { insist } from './insist'

const answers = (...list: (number | null)[]) => {
  const asked = vi.fn(async () => {
    const status = list.shift() ?? 200
    if (status === 0) throw new TypeError('connection refused')
    return new Response(JSON.stringify({ number: 7 }), { status, headers: { 'Content-Type': 'application/json' } })
  })
  vi.stubGlobal('fetch', asked)
  return asked
}
const soon = async () => {}

describe('insist', () => {
  afterEach(() => vi.unstubAllGlobals())
  it('asks the next node when one has died', async () => {
    const asked = answers(0, 503, 200)
    expect(await insist('POST', '/channels/x/cuts', { source: 'a' }, soon)).toEqual({ number: 7 })
    expect(asked).toHaveBeenCalledTimes(3)
  })
  it('gives up after a while, and says so', async () => {
    const asked = answers(0, 0, 0, 0, 0, 0)
    await expect(insist('POST', '/channels/x/cuts', {}, soon)).rejects.toBeInstanceOf(Problem)
    expect(asked).toHaveBeenCalledTimes(4)
  })
  it('does not repeat what was refused', async () => {
    const asked = answers(409)
    await expect(insist('POST', '/channels/x/cuts', {}, soon)).rejects.toBeInstanceOf(Problem)
    expect(asked).toHaveBeenCalledTimes(1)
  })
})
