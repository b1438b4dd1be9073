/** What the API says of a channel. */
export interface Status {
  slug: string
  title: string
  description: string
  state: 'live' | 'off' | 'never'
  since: string
  viewers: number
  width: number
  height: number
  /** How far back the channel can be rewound, in seconds. */
  dvrWindow: number
  /** A sentence the producer wants every viewer to read. Mostly empty. */
  notice: string
  /** The storage is out of reach: live goes on, and rewinding reaches only the last minutes. */
  bucketAway: boolean
}

/** The channel whose page this is: `/news` and `/news/embed` are both of `news`. */
export function slugOf(pathname: string): string {
  const first = pathname.split('/').find((s) => s !== '') ?? ''
  try {
    return decodeURIComponent(first)
  } catch {
    return first
  }
}

const text = (v: unknown): string => (typeof v === 'string' ? v : '')
const count = (v: unknown): number => (typeof v === 'number' && Number.isFinite(v) && v > 0 ? v : 0)

/** Reads a status from JSON. A field that is missing or of another kind gets its empty value; without a slug there is no channel. */
export function readStatus(v: unknown): Status | null {
  if (typeof v !== 'object' || v === null) return null
  const o = v as Record<string, unknown>
  const slug = text(o['slug'])
  if (slug === '') return null
  const state = o['state']
  return {
    slug,
    title: text(o['title']) || slug,
    description: text(o['description']),
    state: state === 'live' || state === 'off' ? state : 'never',
    since: text(o['since']),
    viewers: Math.round(count(o['viewers'])),
    width: count(o['width']) || 1280,
    height: count(o['height']) || 720,
    dvrWindow: count(o['dvrWindow']),
    notice: text(o['notice']),
    bucketAway: o['bucketAway'] === true,
  }
}

/** The order of the guide: on air first, most watched first; then by title. */
export function inOrder(list: Iterable<Status>, search: string): { live: Status[]; off: Status[] } {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const found = [...list].filter((c) => {
    const hay = `${c.title} ${c.slug} ${c.description}`.toLowerCase()
    return words.every((w) => hay.includes(w))
  })
  const byTitle = (a: Status, b: Status) => a.title.localeCompare(b.title) || (a.slug < b.slug ? -1 : 1)
  return {
    live: found.filter((c) => c.state === 'live').sort((a, b) => b.viewers - a.viewers || byTitle(a, b)),
    off: found.filter((c) => c.state !== 'live').sort(byTitle),
  }
}
