import { readShow, type Show } from './show'

/** What the API says of a channel. */
export interface Status {
  slug: string
  title: string
  description: string
  state: 'live' | 'off' | 'never'
  /** It is off air and shows its card, which plays. */
  card: boolean
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
  /** Id of a category, '' for none. */
  category: string
  /** BCP 47, '' for none. */
  language: string
  tags: string[]
  /** #rrggbb, '' for none. */
  accent: string
  background: string
  /** Addresses of images on this server, '' for none. */
  logo: string
  picture: string
  /** Viewers need a password. */
  locked: boolean
  /** Only so many may watch at once. */
  limited: boolean
  /** The next show that is announced. */
  show: Show | null
  /** What keeps this viewer from watching; '' for nothing. */
  gate: '' | 'password' | 'private'
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

const matching = (v: unknown, form: RegExp): string => (form.test(text(v)) ? text(v) : '')
const colour = /^#[0-9a-f]{6}$/
const image = /^\/assets\/channels\/[a-z0-9-]{2,40}\/[0-9a-f]{32}\.(jpg|png)$/

/** Reads a status from JSON. A field that is missing or of another kind gets its empty value; without a slug there is no channel. */
export function readStatus(v: unknown): Status | null {
  if (typeof v !== 'object' || v === null) return null
  const o = v as Record<string, unknown>
  const slug = text(o['slug'])
  if (slug === '') return null
  const state = o['state']
  const gate = o['gate']
  return {
    slug,
    title: text(o['title']) || slug,
    description: text(o['description']),
    state: state === 'live' || state === 'off' ? state : 'never',
    card: o['card'] === true,
    since: text(o['since']),
    viewers: Math.round(count(o['viewers'])),
    width: count(o['width']) || 1280,
    height: count(o['height']) || 720,
    dvrWindow: count(o['dvrWindow']),
    notice: text(o['notice']),
    bucketAway: o['bucketAway'] === true,
    category: text(o['category']),
    language: text(o['language']),
    tags: Array.isArray(o['tags']) ? o['tags'].map(text).filter((t) => t !== '') : [],
    accent: matching(o['accent'], colour),
    background: matching(o['background'], colour),
    logo: matching(o['logo'], image),
    picture: matching(o['picture'], image),
    locked: o['locked'] === true,
    limited: o['limited'] === true,
    show: readShow(o['show']),
    gate: gate === 'password' || gate === 'private' ? gate : '',
  }
}
