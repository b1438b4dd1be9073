import { describe, expect, it } from 'vitest'
import { begun, matches, pause, size } from './find'
import { moved, without } from './order'
import type { Clip } from './shelf'

const clip = (c: Partial<Clip>): Clip => ({ id: 'a', title: '', tags: [], created: '', state: 'ready', origin: 'upload', bytes: 1, in: 0, public: false, ...c })

describe('search', () => {
  it('finds all words, wherever they stand', () => {
    const c = clip({ title: 'Sunday Service', tags: ['choir'], file: 'IMG_1.MOV' })
    expect(matches(c, 'service SUNDAY')).toBe(true)
    expect(matches(c, 'choir img')).toBe(true)
    expect(matches(c, 'sunday sermon')).toBe(false)
    expect(matches(c, '  ')).toBe(true)
  })
})

describe('a file that is chosen again', () => {
  const all = [clip({ id: 'x', state: 'uploading', file: 'a.mp4', bytes: 5 }), clip({ id: 'y', file: 'b.mp4', bytes: 5 })]
  it('goes on where it stopped', () => expect(begun({ name: 'a.mp4', size: 5 }, all, new Map())?.id).toBe('x'))
  it('is another file if it has another size', () => expect(begun({ name: 'a.mp4', size: 6 }, all, new Map())).toBeUndefined())
  it('is another one while the first is being sent', () => expect(begun({ name: 'a.mp4', size: 5 }, all, new Map([['x', 1]]))).toBeUndefined())
  it('begins anew if the first is here', () => expect(begun({ name: 'b.mp4', size: 5 }, all, new Map())).toBeUndefined())
})

describe('order', () => {
  it('moves up and down, and never out of the list', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a'])
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b'])
    expect(moved(['a', 'b', 'c'], 1, 9)).toEqual(['a', 'c', 'b'])
    expect(moved(['a'], 5, 0)).toEqual(['a'])
  })
  it('takes out', () => expect(without(['a', 'b'], 0)).toEqual(['b']))
})

describe('words', () => {
  it('says sizes', () => expect([1, 999_000, 2_500_000, 3_210_000_000].map(size)).toEqual(['1 kB', '999 kB', '3 MB', '3.2 GB']))
  it('looks often only while something changes', () => {
    expect(pause([clip({ state: 'converting' })])).toBe(2000)
    expect(pause([clip({})])).toBe(15_000)
  })
})
