import { describe, expect, it } from 'vitest'
import { graphicKey, wishOf } from './keys'
import { slugFrom } from './slug'
import { tagsIn } from './choices'
import { within } from './shrink'

const key = (code: string, more: object = {}) => ({ key: code, code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more })

describe('wishOf', () => {
  it('cuts with a digit, and looks with Shift and a digit', () => {
    expect(wishOf(key('Digit1'), 'other')).toEqual({ cut: 0 })
    expect(wishOf(key('Numpad9'), 'button')).toEqual({ cut: 8 })
    expect(wishOf(key('Digit3', { key: '§', shiftKey: true }), 'other')).toEqual({ look: 2 })
  })
  it('cuts to the preview with Enter, unless something else has the focus', () => {
    expect(wishOf(key('Enter', { key: 'Enter' }), 'other')).toBe('take')
    expect(wishOf(key('Enter', { key: 'Enter' }), 'button')).toBeNull()
  })
  it('has the row below the digits for sound', () => {
    expect(wishOf(key('KeyQ'), 'other')).toEqual({ sound: 0 })
    expect(wishOf(key('KeyO', { shiftKey: true }), 'button')).toEqual({ listen: 8 })
    expect(wishOf(key('KeyP'), 'other')).toBe('own sound')
    expect(wishOf(key('KeyP', { shiftKey: true }), 'other')).toBe('listen to program')
  })
  it('has the row below that for graphics', () => {
    expect(wishOf(key('KeyA'), 'other')).toEqual({ graphic: 0 })
    expect(wishOf(key('KeyL', { shiftKey: true }), 'button')).toEqual({ preview: 8 })
    expect(wishOf(key('KeyX'), 'other')).toBe('no graphics')
    expect([0, 8, 9].map(graphicKey)).toEqual(['A', 'L', ''])
  })
  it('goes on with Space, unless something else has the focus', () => {
    expect(wishOf(key('Space', { key: ' ' }), 'other')).toBe('next')
    expect(wishOf(key('Space', { key: ' ' }), 'button')).toBeNull()
  })
  it('leaves fields and the browser alone', () => {
    expect(wishOf(key('Digit1'), 'text')).toBeNull()
    expect(wishOf(key('Digit1', { ctrlKey: true }), 'other')).toBeNull()
    expect(wishOf(key('Digit0'), 'other')).toBeNull()
  })
})

describe('slugFrom', () => {
  it('makes an address of a title', () => {
    expect(slugFrom('St. Mary’s, Sunday Service')).toBe('st-mary-s-sunday-service')
    expect(slugFrom('Fußball für Köln')).toBe('fussball-fur-koln')
    expect(slugFrom('  — ')).toBe('')
    expect(slugFrom('x'.repeat(39) + ' y')).toBe('x'.repeat(39))
  })
})

it('an image is sent as large as it is kept', () => {
  expect(within(4032, 3024, [1920, 1080])).toEqual([1440, 1080])
  expect(within(100, 50, [512, 512])).toEqual([100, 50])
  expect(within(9000, 1, [512, 512])).toEqual([512, 1])
})

it('tags are divided by commas', () => expect(tagsIn(' choir,, Even song ,\nlive ')).toEqual(['choir', 'Even song', 'live']))
