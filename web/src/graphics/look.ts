import { enough, contrast, inkOn, mix, readColour, written } from '../colours'
import type { Look } from './showing'

/** Families that systems have: nothing is fetched for a graphic. */
const families: Record<string, string> = {
  plain: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", sans-serif',
  humanist: 'Optima, Candara, "Gill Sans", "Noto Sans", "DejaVu Sans", sans-serif',
  condensed: '"Avenir Next Condensed", "Roboto Condensed", "Arial Narrow", "DejaVu Sans Condensed", "Liberation Sans Narrow", sans-serif-condensed, sans-serif',
  rounded: 'ui-rounded, "Hiragino Maru Gothic ProN", Quicksand, "Arial Rounded MT Bold", Nunito, "DejaVu Sans", sans-serif',
  serif: 'ui-serif, "Iowan Old Style", Charter, Cambria, "Noto Serif", "DejaVu Serif", Georgia, serif',
  slab: 'Rockwell, "Rockwell Nova", "Roboto Slab", "Sitka Small", "DejaVu Serif", Georgia, serif',
  mono: 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, "DejaVu Sans Mono", monospace',
}

export const fontNames: readonly [id: string, name: string][] = [
  ['plain', 'Plain'], ['humanist', 'Humanist'], ['condensed', 'Condensed'], ['rounded', 'Rounded'], ['serif', 'Serif'], ['slab', 'Slab serif'], ['mono', 'Typewriter'],
]

/** The colours of graphics where nobody chose others. */
export const standard = { ground: '#0e1a2b', accent: '#ffb454' }

/** Custom properties of a look. What is written on a colour can be read on it, whichever colour it is. */
export function lookVars(look: Look): Record<string, string> {
  const ground = readColour(look.ground) ?? readColour(standard.ground)!
  const accent = readColour(look.accent) ?? readColour(standard.accent)!
  const ink = inkOn(ground)
  const lighter = mix(ground, ink, 0.12)
  return {
    '--g-font': families[look.font] ?? families['plain']!,
    '--g-ground': written(ground),
    '--g-lift': written(contrast(ink, lighter) >= enough ? lighter : ground),
    '--g-ink': written(ink),
    '--g-accent': written(accent),
    '--g-on-accent': written(inkOn(accent)),
  }
}
