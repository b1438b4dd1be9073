/** What the address of a page asks of the player. Pure. */

/** A moment: of a channel the time of day (epoch ms), of something offered how far into it (seconds). */
export type Moment = { at: number } | { into: number }

export interface Options {
  /** ?t=: where to begin. */
  moment: Moment | null
  /** ?play=: id of something offered, '' for what is on air. */
  item: string
  /** ?muted=0: begin with sound, where the browser lets it. */
  muted: boolean
  /** ?volume=0…1. */
  volume: number
  /** ?autoplay=0: begin when the viewer says so. */
  autoplay: boolean
  /** ?controls=0: nothing to press. */
  controls: boolean
  /** ?title=1: the channel's name over the picture. */
  title: boolean
  /** ?viewers=1: how many watch. */
  viewers: boolean
  /** ?chat=1: the chat beside the player, or below it. */
  chat: boolean
  /** ?captions=en: show captions in that language. */
  captions: string
  /** ?accent=rrggbb, as #rrggbb; '' for the channel's own. */
  accent: string
  /** ?background=rrggbb: behind the picture. */
  background: string
}

/** Reads 90, 1m30s, 1:30, an epoch time in seconds, or a date such as 2026-11-27T20:15:00Z. Null for anything else. */
export function readMoment(text: string): Moment | null {
  if (text.length > 40) return null
  if (/^\d{10,11}$/.test(text)) return { at: Number(text) * 1000 }
  if (/^\d{1,6}s?$/.test(text)) return { into: parseInt(text, 10) }
  const worded = /^(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?$/.exec(text)
  if (worded !== null && text !== '') return { into: Number(worded[1] ?? 0) * 3600 + Number(worded[2] ?? 0) * 60 + Number(worded[3] ?? 0) }
  const colons = /^(?:(\d{1,3}):)?(\d{1,2}):(\d{2})$/.exec(text)
  if (colons !== null) return { into: Number(colons[1] ?? 0) * 3600 + Number(colons[2]) * 60 + Number(colons[3]) }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return null
  const at = Date.parse(text)
  return Number.isFinite(at) ? { at } : null
}

/** The moment as it stands behind ?t=. */
export function writeMoment(m: Moment): string {
  if ('at' in m) return new Date(m.at).toISOString().replace(/\.\d+Z$/, 'Z')
  const s = Math.max(0, Math.floor(m.into))
  const [h, min, sec] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60]
  return `${h > 0 ? `${h}h` : ''}${min > 0 ? `${min}m` : ''}${sec}s`
}

const colour = (text: string | null): string => (text !== null && /^#?[0-9a-f]{6}$/i.test(text) ? `#${text.replace('#', '').toLowerCase()}` : '')

/** A page's own player takes where to begin and what; an embedded one everything. */
export function readOptions(search: string, embedded: boolean): Options {
  const q = new URLSearchParams(search)
  const own = embedded ? q : new URLSearchParams()
  const item = q.get('play') ?? ''
  const volume = Number(own.get('volume') ?? 1)
  return {
    moment: readMoment(q.get('t') ?? ''),
    item: /^[\w-]{1,40}$/.test(item) ? item : '',
    muted: own.get('muted') !== '0',
    volume: Number.isFinite(volume) ? Math.min(1, Math.max(0, volume)) : 1,
    autoplay: own.get('autoplay') !== '0',
    controls: own.get('controls') !== '0',
    title: own.get('title') === '1',
    viewers: own.get('viewers') === '1',
    chat: own.get('chat') === '1',
    captions: /^[a-z]{2,3}(-\w{2,8})*$/i.test(own.get('captions') ?? '') ? own.get('captions')! : '',
    accent: colour(own.get('accent')),
    background: colour(own.get('background')),
  }
}

/** The address of an embedded player. What is as usual is left out. */
export function embedAddress(origin: string, slug: string, o: Partial<Options>): string {
  const q = new URLSearchParams()
  if (o.item) q.set('play', o.item)
  if (o.muted === false) q.set('muted', '0')
  if (o.autoplay === false) q.set('autoplay', '0')
  if (o.controls === false) q.set('controls', '0')
  if (o.title) q.set('title', '1')
  if (o.viewers) q.set('viewers', '1')
  if (o.chat) q.set('chat', '1')
  if (o.accent) q.set('accent', o.accent.replace('#', ''))
  const query = q.toString()
  return `${origin}/${slug}/embed${query === '' ? '' : `?${query}`}`
}
