/** How figures are said to people. */

export interface Figure {
  start: string
  seconds: number
  viewers: number
  most: number
  views: number
  watched: number
  stalls: number
  stalled: number
  latency?: number
  bytes: number
  messages: number
}

export interface Kind {
  name: string
  watched: number
}

export interface Figures {
  total: Figure
  spans: Figure[]
  devices: Kind[]
  countries: Kind[]
  referrers: Kind[]
}

/** "3 min", "1.5 h", "420 h". */
export function hours(h: number): string {
  if (h < 1) return `${Math.round(h * 60)} min`
  return `${h < 10 ? h.toFixed(1) : Math.round(h).toLocaleString('en-GB')} h`
}

/** "14 MB". */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let n = bytes
  let unit = 0
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000
    unit++
  }
  return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`
}

const devices = new Map([['phone', 'Phones'], ['tablet', 'Tablets'], ['computer', 'Computers'], ['tv', 'Televisions']])

export const deviceWord = (name: string): string => devices.get(name) ?? 'Others'

export function countryWord(code: string): string {
  try {
    return new Intl.DisplayNames(['en'], { type: 'region' }).of(code) ?? code
  } catch {
    return code === 'other' ? 'Others' : code
  }
}

/** Points for a chart: what was not counted is none. */
export function series(spans: Figure[], of: (f: Figure) => number | null, from: number, to: number, none: number | null = 0): [number[], (number | null)[]] {
  const step = spans[0]?.seconds ?? 300
  const known = new Map(spans.map((f) => [Math.floor(Date.parse(f.start) / 1000 / step), of(f)]))
  const x: number[] = []
  const y: (number | null)[] = []
  for (let n = Math.floor(from / step); n * step < to; n++) {
    x.push(n * step)
    y.push(known.get(n) ?? none)
  }
  return [x, y]
}

/** How far the marks of an axis may lie apart: one, two or five times a power of ten, and least at the smallest. */
export function steps(least: number): number[] {
  const all: number[] = []
  for (let power = Math.round(Math.log10(least)); power <= 12; power++) for (const n of [1, 2, 5]) all.push(Number(`${n}e${power}`))
  return all
}

/** The points of a line that no line leads to, as there is none beside them. */
export const alone = (y: (number | null)[]): number[] => y.flatMap((v, i) => (v !== null && (y[i - 1] ?? null) === null && (y[i + 1] ?? null) === null ? [i] : []))
