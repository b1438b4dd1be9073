import { expect, test } from 'vitest'
import { contrast, enough, readColour, stageTheme, theme } from './colours'

const steps = [0, 68, 119, 128, 187, 255]
const all = steps.flatMap((r) => steps.flatMap((g) => steps.map((b) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('')}`)))
const ratio = (a: string, b: string) => contrast(readColour(a)!, readColour(b)!)

test('whatever colours a channel chooses, text can be read', () => {
  const accents = all.filter((_, i) => i % 31 === 0)
  for (const background of all) {
    for (const accent of ['', ...accents]) {
      const { vars: v, scheme } = theme(accent, background, 'dark')
      expect(v['--ground']).toBe(background)
      expect(['light', 'dark']).toContain(scheme)
      for (const [text, ground] of [['--ink', '--ground'], ['--ink', '--raised'], ['--soft', '--ground'], ['--soft', '--raised'], ['--lamp', '--ground'], ['--on-lamp', '--lamp'], ['--air', '--air-ground'], ['--air', '--ground']] as const) {
        const got = ratio(v[text]!, v[ground]!)
        if (got < enough) expect.fail(`${accent} on ${background}: ${text} ${v[text]} on ${ground} ${v[ground]} has ${got.toFixed(2)}`)
      }
    }
  }
})

test('an accent alone keeps the page as it is', () => {
  for (const accent of all) {
    for (const [system, ground] of [['dark', '#0b1416'], ['light', '#f2f5f3']] as const) {
      const { vars, scheme } = theme(accent, '', system)
      expect(scheme).toBe('')
      expect(Object.keys(vars).sort()).toEqual(['--lamp', '--on-lamp'])
      expect(Math.min(ratio(vars['--lamp']!, ground), ratio(vars['--on-lamp']!, vars['--lamp']!))).toBeGreaterThanOrEqual(enough)
    }
    expect(ratio(stageTheme(accent)['--lamp']!, '#0e2528')).toBeGreaterThanOrEqual(enough)
  }
  expect(theme('#ffb454', '', 'dark').vars['--lamp']).toBe('#ffb454')
})

test('what is no colour is left out', () => {
  for (const bad of ['', 'red', '#fff', '#12345g', 'url(x)', '#123456;']) {
    expect(theme(bad, bad, 'dark')).toEqual({ vars: {}, scheme: '' })
    expect(stageTheme(bad)).toEqual({})
  }
})
