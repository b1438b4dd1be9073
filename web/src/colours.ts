/** Colours that a channel chose, made so that text on them can be read (WCAG 2.2: 4.5 to 1 at least). */

type Rgb = readonly [number, number, number]

const white: Rgb = [255, 255, 255]
const black: Rgb = [8, 16, 15]
/** Of ordinary text. */
export const enough = 4.5

/** Reads #rrggbb; null for anything else. */
export function readColour(text: string): Rgb | null {
  const m = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text)
  return m === null ? null : [parseInt(m[1]!, 16), parseInt(m[2]!, 16), parseInt(m[3]!, 16)]
}

export const written = (c: Rgb): string => `#${c.map((v) => Math.round(v).toString(16).padStart(2, '0')).join('')}`

function luminance(c: Rgb): number {
  const [r, g, b] = c.map((v) => {
    const s = v / 255
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

export const mix = (a: Rgb, b: Rgb, share: number): Rgb => [0, 1, 2].map((i) => a[i as 0]! + (b[i as 0]! - a[i as 0]!) * share) as unknown as Rgb

/** White or black, whichever is read better on a ground. */
export function inkOn(ground: Rgb): Rgb {
  const best = contrast(white, ground) >= contrast(black, ground) ? white : black
  return contrast(best, ground) >= enough ? best : [0, 0, 0] // where white is not enough, the blackest black is
}

/** A colour, taken towards white or black just as far as it must be to be read on all the grounds. */
function readable(c: Rgb, grounds: Rgb[], ink: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.04) {
    const tried = mix(c, ink, share)
    if (grounds.every((g) => contrast(readColour(written(tried))!, g) >= enough)) return tried
  }
  return ink
}

const round = (c: Rgb): Rgb => readColour(written(c))!

/** What a page looks like. */
export interface Theme {
  /** Custom properties of the page, by name. */
  vars: Record<string, string>
  /** Which form controls fit; '' where the channel chose no background. */
  scheme: 'light' | 'dark' | ''
}

/** The page's own grounds, where a channel chose none: see base.css. */
const grounds: Record<'light' | 'dark', [Rgb, Rgb]> = { dark: [[11, 20, 22], [19, 33, 36]], light: [[242, 245, 243], [255, 255, 255]] }
const lamps: Record<'light' | 'dark', Rgb> = { dark: [255, 180, 84], light: [154, 87, 0] }
const airs: Record<'light' | 'dark', Rgb> = { dark: [255, 107, 87], light: [179, 38, 26] }

/** The colours of a page for what a channel chose. */
export function theme(accent: string, background: string, system: 'light' | 'dark'): Theme {
  const own = readColour(background)
  const vars: Record<string, string> = {}
  const lamp = readColour(accent)
  if (own === null) {
    if (lamp === null) return { vars, scheme: '' }
    lit(vars, lamp, grounds[system], system === 'dark' ? white : black)
    return { vars, scheme: '' }
  }
  const ink = inkOn(own)
  const scheme = ink === white ? 'dark' : 'light'
  // A middle tone leaves little room: what is raised above it goes away from the ink, not towards it.
  const raised = round(mix(own, ink === white ? [0, 0, 0] : white, 0.16))
  const air = round(mix(own, airs[scheme], 0.12))
  Object.assign(vars, {
    '--ground': written(own), '--raised': written(raised), '--field': written(raised), '--ink': written(ink),
    '--line': written(mix(own, ink, 0.22)), '--soft': written(readable(mix(ink, own, 0.3), [own, raised], ink)),
    '--air': written(readable(airs[scheme], [own, raised, contrast(ink, air) >= enough ? air : own], ink)), '--air-ground': written(contrast(ink, air) >= enough ? air : own),
  })
  lit(vars, lamp ?? lamps[scheme], [own, raised], ink)
  return { vars, scheme }
}

function lit(vars: Record<string, string>, lamp: Rgb, on: Rgb[], ink: Rgb): void {
  const shown = round(readable(lamp, on, ink))
  vars['--lamp'] = written(shown)
  vars['--on-lamp'] = written(inkOn(shown))
}

/** The accent on the player, which is dark whatever the page is. */
export function stageTheme(accent: string): Record<string, string> {
  const lamp = readColour(accent)
  if (lamp === null) return {}
  const vars: Record<string, string> = {}
  lit(vars, lamp, [[14, 37, 40], [29, 68, 71]], white)
  return vars
}

let last = ''

/** Gives the page the colours of a channel. */
export function dress(accent: string, background: string): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches
  const wish = `${accent} ${background} ${dark}`
  if (wish === last) return
  last = wish
  const { vars, scheme } = theme(accent, background, dark ? 'dark' : 'light')
  const { style } = document.documentElement
  for (const name of ['--ground', '--raised', '--field', '--ink', '--line', '--soft', '--air', '--air-ground', '--lamp', '--on-lamp']) {
    if (vars[name] === undefined) style.removeProperty(name)
    else style.setProperty(name, vars[name])
  }
  style.colorScheme = scheme
}
