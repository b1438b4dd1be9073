import { useId } from 'preact/hooks'
import type { Kind } from '../graphics/showing'
import { call } from '../people/api'
import { Field, type Read } from '../people/form'
import type { Board, Prepared } from './board'
import { channel } from './desk'
import { upload } from './look'
import { shrunk } from './shrink'

/** Where the API has a channel's graphics. */
export const at = (path = ''): string => `/channels/${encodeURIComponent(channel.value!.slug)}/graphics${path}`

export const kindNames: Record<Kind, string> = {
  'lower-third': 'Lower third', picture: 'Picture beside the speaker', ticker: 'Ticker', sting: 'Sting', heading: 'Full screen: heading', 'coming-up': 'Full screen: coming up', bug: 'Corner bug', countdown: 'Countdown', chat: 'Line of chat',
}

export const nameOf = (g: Prepared): string => g.name || g.title || g.lines?.[0] || kindNames[g.kind]

/** What the fields of a graphic say. */
export type Wishes = Omit<Prepared, 'id' | 'version' | 'image'>

/** The words for a graphic's title and text, by its kind; '' where it has none. */
const words: Record<Kind, { title: string; text: string; lines?: string }> = {
  'lower-third': { title: 'Name', text: 'Line below it' }, picture: { title: 'Heading', text: 'Line below it' }, ticker: { title: 'Label', text: '', lines: 'Items, one on each line' },
  sting: { title: 'Heading', text: 'Sub-heading' }, heading: { title: 'Heading', text: 'Sub-heading' }, 'coming-up': { title: 'Heading', text: '', lines: 'What comes, up to four lines' },
  bug: { title: 'Text', text: '' }, countdown: { title: 'What is counted down to', text: '' }, chat: { title: 'Nickname', text: 'Text' },
}

const needsTitle: readonly Kind[] = ['lower-third', 'sting', 'heading', 'chat']
const places: Partial<Record<Kind, readonly string[]>> = {
  picture: ['right', 'left'], bug: ['top-right', 'top-left', 'bottom-right', 'bottom-left'], countdown: ['top-left', 'top-right', 'bottom-left', 'bottom-right'],
}
const placeName = (p: string): string => p.replace('-', ' ').replace(/^./, (c) => c.toUpperCase())

/** The time of a countdown as a field shows it: of this machine's zone. */
function localTime(iso: string | undefined): string {
  const d = iso ? new Date(iso) : new Date(Date.now() + 10 * 60_000)
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function Choice({ name, label, value, options }: { name: string; label: string; value: string; options: readonly (readonly [string, string])[] }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name}>{options.map(([v, word]) => <option key={v} value={v} selected={v === value}>{word}</option>)}</select>
    </div>
  )
}

export function Fields({ kind, g }: { kind: Kind; g?: Prepared | undefined }) {
  const id = useId()
  const w = words[kind]
  return (
    <>
      <Field name="title" label={w.title} value={g?.title ?? ''} required={needsTitle.includes(kind)} maxLength={120} />
      {w.text && <Field name="text" label={w.text} value={g?.text ?? ''} required={kind === 'chat'} maxLength={300} />}
      {w.lines && <div class="field"><label for={`${id}-lines`}>{w.lines}</label><textarea id={`${id}-lines`} name="lines" rows={kind === 'ticker' ? 6 : 4} required defaultValue={(g?.lines ?? []).join('\n')} /></div>}
      {kind === 'ticker' && <Choice name="speed" label="Speed" value={String(g?.speed ?? 3)} options={[['1', 'Very slow'], ['2', 'Slow'], ['3', 'Medium'], ['4', 'Fast'], ['5', 'Very fast']]} />}
      {kind === 'ticker' && <Choice name="back" label="It runs" value={g?.back ? 'yes' : ''} options={[['', 'to the left'], ['yes', 'to the right, as for Arabic and Hebrew']]} />}
      {kind === 'countdown' && <div class="field"><label for={`${id}-to`}>Until, in your time</label><input id={`${id}-to`} name="to" type="datetime-local" step={1} required defaultValue={localTime(g?.to)} /></div>}
      {places[kind] && <Choice name="place" label="Where" value={g?.place ?? ''} options={places[kind]!.map((p) => [p, placeName(p)] as const)} />}
      {(kind === 'picture' || kind === 'bug') && <div class="field"><label for={`${id}-file`}>{g?.image ? 'Another picture' : 'Picture'}</label><input id={`${id}-file`} class="graphic-file" type="file" accept="image/png,image/jpeg,image/webp" />{kind === 'bug' && <small>Without one it is the text, or else the channel’s logo.</small>}</div>}
      {kind === 'picture' && <Field name="address" label="Or its address on the web" hint="Such as a weather map. It is fetched by the server." value={g?.address ?? ''} required={false} maxLength={2000} />}
      {kind === 'picture' && <Field name="reload" label="Fetch it again every so many seconds" hint="5 to 3600; empty: never. For addresses." type="number" min={5} max={3600} value={g?.reload ? String(g.reload) : ''} required={false} />}
      <Field name="lasts" label="Hide it by itself after so many seconds" hint="Empty: it stays until it is hidden." type="number" min={1} max={86400} value={g?.lasts ? String(g.lasts) : kind === 'sting' && !g ? '3' : ''} required={false} />
      <Field name="name" label="Your own name for it" hint="Only producers see it." value={g?.name ?? ''} required={false} maxLength={80} />
    </>
  )
}

/** What is written in the fields. */
export function read(r: Read, kind: Kind): Wishes {
  const to = new Date(r('to'))
  return {
    kind, title: r('title').trim(), text: r('text').trim(), name: r('name').trim(), lasts: Number(r('lasts')) || 0,
    lines: r('lines').split('\n').map((l) => l.trim()).filter((l) => l !== ''), speed: Number(r('speed')) || 0, back: r('back') === 'yes',
    ...(r('place') ? { place: r('place') } : {}), address: r('address').trim(), reload: Number(r('reload')) || 0,
    ...(kind === 'countdown' && !Number.isNaN(to.getTime()) ? { to: to.toISOString() } : {}),
  }
}

/** Stores a graphic, and its picture if one was chosen. */
export async function save(g: Prepared | null, w: Wishes): Promise<Board> {
  const file = document.querySelector<HTMLInputElement>('dialog[open] .graphic-file')?.files?.[0]
  const { kind, address, ...rest } = w
  const picture = file ? await shrunk(file, 'graphic') : null
  let b: Board
  if (g === null) b = await call<Board>('POST', at('/items'), { kind, ...rest, ...(address ? { address } : { reload: 0 }) })
  else b = await call<Board>('PATCH', at(`/items/${g.id}`), { version: g.version, ...rest, ...(address === (g.address ?? '') ? {} : { address }) })
  const id = g?.id ?? b.graphics[b.graphics.length - 1]?.id
  return picture && id ? upload<Board>(at(`/items/${id}/image`), picture) : b
}
