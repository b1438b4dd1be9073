import { signal, useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { fontNames, standard } from '../graphics/look'
import { Layers } from '../graphics/Graphic'
import { leaving, type Content, type Kind } from '../graphics/showing'
import { Badge } from '../parts'
import { call, Problem } from '../people/api'
import { ask } from '../people/ask'
import { Outcome, useTask } from '../people/form'
import { Section } from '../people/section'
import { Thumb } from '../thumb'
import { board, contentOf, anyShown, differs, shown, take, type Board, type Prepared, type Template } from './board'
import { channel, mayCut } from './desk'
import { at, Fields, kindNames, nameOf, read, save } from './graphic'
import { insist } from './insist'
import { graphicKey } from './keys'

/** The graphic that is looked at before it is shown. */
const looked = signal('')

/** What went wrong with the last change, for people. */
const trouble = signal('')

async function change(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  trouble.value = ''
  try {
    take(method === 'POST' ? await insist<Board>('POST', at(path), body ?? {}) : await call<Board>('DELETE', at(path)))
  } catch (e) {
    trouble.value = e instanceof Problem ? e.message : String(e)
    await call<Board>('GET', at()).then(take, () => {})
  }
}

export const show = (id: string): Promise<void> => (mayCut.value ? change('POST', `/items/${id}/show`) : Promise.resolve())
const hide = (id: string) => change('POST', `/items/${id}/hide`)

/** Hides whatever is shown. */
export async function hideAll(): Promise<void> {
  if (mayCut.value && anyShown.value) await change('POST', '/hide')
}

/** Shows the nth graphic, or hides it. */
export async function toggleNth(n: number): Promise<void> {
  const g = board.value?.graphics[n]
  if (g === undefined || !mayCut.value) return
  await (shown.value.has(g.id) ? hide(g.id) : show(g.id))
}

export function previewNth(n: number): void {
  looked.value = board.value?.graphics[n]?.id ?? looked.value
}

const seen = (g: Omit<Prepared, 'id' | 'version'>): Content => contentOf(g, channel.value?.accent ?? '', channel.value?.logo ?? '')

/** A graphic over the newest picture, as viewers would see it. */
export function Preview({ c }: { c: Content | null }) {
  const { slug, state } = channel.value!
  const all = c === null ? [] : [{ showing: { ...c, number: 1, graphic: 'preview', from: 0, until: Infinity }, leaves: false, goesOn: true }]
  return (
    <div class="picture graphic-preview">
      {c !== null && state === 'live' && <Thumb url={`/${slug}/thumbnail.jpg`} />}
      <div class="graphics graphic-still" inert><Layers seen={all} now={{ date: Date.now() + leaving, moves: true }} /></div>
      {c === null && <span class="picture-word">Choose a graphic to look at it</span>}
    </div>
  )
}

const isShown = () => (board.value?.rehearsed ? 'It is shown in the rehearsal.' : 'It is on air.')

const Shown = () => (board.value?.rehearsed ? <Badge kind="wait">Rehearsed</Badge> : <Badge kind="live">On air</Badge>)

/** The graphics that are prepared, each shown and hidden by one click or key. */
export function Graphics() {
  const revision = channel.value?.revision
  useEffect(() => void call<Board>('GET', at()).then(take, () => {}), [revision])
  const all = board.value?.graphics ?? []
  const look = all.find((g) => g.id === looked.value) ?? all[0]
  return (
    <Section id="graphics" title="Graphics" text="What lies over the pictures. Viewers see each with the picture that was on air when you showed it.">
      <div class="graphic-desk">
        <div class="graphic-side">
          <Preview c={look ? seen(look) : null} />
          {look && <p class="dim graphic-word">{shown.value.has(look.id) ? `As it is prepared. ${isShown()}` : 'Nobody sees it before you show it.'}</p>}
          {look && mayCut.value && <Acts g={look} n={all.indexOf(look)} all={all} />}
        </div>
        <div class="graphic-list">
          {trouble.value && <p class="alert" role="alert">{trouble.value}</p>}
          {all.length === 0 && <p class="dim">Nothing is prepared. Add a lower third with the name of who is on the picture, and try it.</p>}
          <ol class="graphic-items">{all.map((g, i) => <Item key={g.id} g={g} n={i} looked={g.id === look?.id} />)}</ol>
          {shown.value.has('chat') && <p class="row"><Shown /> A line of chat <button type="button" class="chip" onClick={() => void hide('chat')}>Hide</button></p>}
          {mayCut.value && (
            <div class="row">
              <button type="button" class="button ghost" disabled={!anyShown.value} onClick={() => void hideAll()}>Hide all <kbd>X</kbd></button>
              <Add />
            </div>
          )}
        </div>
      </div>
      {mayCut.value && <details class="sub"><summary>Template: font and colours of all graphics</summary><LookForm /></details>}
    </Section>
  )
}

/** What can be done with the graphic that is looked at, besides showing it. */
function Acts({ g, n, all }: { g: Prepared; n: number; all: Prepared[] }) {
  const name = nameOf(g)
  const move = (after: string | undefined) => void change('POST', `/items/${g.id}/move`, { after: after ?? '' })
  return (
    <span class="chips">
      <button type="button" class="chip" aria-label={`Change ${name}`} onClick={() => edit(g)}>Change</button>
      <button type="button" class="chip" aria-label={`Move ${name} up`} disabled={n === 0} onClick={() => move(all[n - 2]?.id)}>↑</button>
      <button type="button" class="chip" aria-label={`Move ${name} down`} disabled={n === all.length - 1} onClick={() => move(all[n + 1]?.id)}>↓</button>
      <button type="button" class="chip" aria-label={`Remove ${name}`} onClick={() => remove(g)}>Remove</button>
    </span>
  )
}

function Item({ g, n, looked: on }: { g: Prepared; n: number; looked: boolean }) {
  const air = shown.value.get(g.id)
  const name = nameOf(g)
  const stale = air !== undefined && differs(air, seen(g))
  const key = graphicKey(n)
  return (
    <li class={`graphic-item ${air ? 'is-on' : ''} ${on ? 'is-looked' : ''}`}>
      <button type="button" class="graphic-name" aria-pressed={on} aria-label={`Look at ${name}`} onClick={() => (looked.value = g.id)}>
        <span class="step-words"><strong>{name}</strong><small class="dim">{kindNames[g.kind]}{g.lasts ? `, for ${g.lasts} s` : ''}</small></span>
        {air && <Shown />}
      </button>
      {mayCut.value && stale && <button type="button" class="chip" aria-label={`Update ${name}, which is shown`} onClick={() => void show(g.id)}>Update</button>}
      {mayCut.value && <button type="button" class={`button ${air ? 'danger' : 'ghost'} graphic-act`} aria-label={`${air ? 'Hide' : 'Show'} ${name}`} onClick={() => void (air ? hide(g.id) : show(g.id))}>{air ? 'Hide' : 'Show'}{key && <kbd>{key}</kbd>}</button>}
    </li>
  )
}

function remove(g: Prepared): void {
  const air = shown.value.has(g.id)
  ask({
    title: `Remove ${nameOf(g)}?`, danger: true, word: 'Remove', text: air ? `${isShown()} It goes at once.` : 'It is not prepared any more. What viewers saw of it stays in the recording.',
    does: async () => void take(await call<Board>('DELETE', at(`/items/${g.id}`))),
  })
}

function edit(g: Prepared): void {
  looked.value = g.id
  ask({
    title: `Change ${nameOf(g)}`, word: 'Save', text: shown.value.has(g.id) ? `${isShown()} What is shown changes when you update it.` : 'Nobody sees it before you show it.',
    field: <Draft kind={g.kind} g={g} />, does: async (r) => void take(await save(g, read(r, g.kind))),
  })
}

const order: Kind[] = ['lower-third', 'picture', 'ticker', 'bug', 'countdown', 'sting', 'heading', 'coming-up', 'chat']

function Add() {
  const id = useId()
  const add = (kind: Kind) => ask({
    title: kindNames[kind], word: 'Add', text: 'Nobody sees it before you show it.', field: <Draft kind={kind} />,
    does: async (r) => {
      const b = await save(null, read(r, kind))
      take(b)
      looked.value = b.graphics[b.graphics.length - 1]?.id ?? ''
    },
  })
  return (
    <span class="graphic-add">
      <label class="hidden-words" for={id}>Add a graphic</label>
      <select id={id} value="" onChange={(e) => { const kind = e.currentTarget.value as Kind; e.currentTarget.value = ''; add(kind) }}>
        <option value="" disabled>Add a graphic …</option>
        {order.map((k) => <option key={k} value={k}>{kindNames[k]}</option>)}
      </select>
    </span>
  )
}

/** Fields, and above them what comes of them. */
function Draft({ kind, g }: { kind: Kind; g?: Prepared }) {
  const draft = useSignal<Content>(seen(g ?? { kind }))
  const look = (e: Event) => {
    const form = (e.target as HTMLElement).closest('form')
    if (form === null) return
    const data = new FormData(form)
    draft.value = seen({ ...read((name) => String(data.get(name) ?? ''), kind), image: g?.image ?? '' })
  }
  return (
    <div class="graphic-draft" onInput={look} onChange={look}>
      <Preview c={draft.value} />
      <Fields kind={kind} g={g} />
    </div>
  )
}

function LookForm() {
  const task = useTask()
  const id = useId()
  const look: Template = board.value?.look ?? {}
  const set = (more: object) => void task.run(async () => {
    take(await call<Board>('PUT', at('/look'), { ...look, ...more }))
    return 'Saved. What is on air changes when you update it.'
  })
  const colour = (name: 'ground' | 'accent', label: string, now: string) => (
    <div class="colour">
      <label for={`${id}-${name}`}>{label}</label>
      <input id={`${id}-${name}`} type="color" value={look[name] || now} onChange={(e) => set({ [name]: e.currentTarget.value })} />
      {look[name] && <button type="button" class="link" aria-label={`${label}: as the channel has it`} onClick={() => set({ [name]: '' })}>Reset</button>}
    </div>
  )
  return (
    <div class="graphic-look">
      <div class="field">
        <label for={`${id}-font`}>Font</label>
        <select id={`${id}-font`} onChange={(e) => set({ font: e.currentTarget.value })}>
          {fontNames.map(([value, name]) => <option key={value} value={value} selected={value === (look.font || 'plain')}>{name}</option>)}
        </select>
      </div>
      {colour('ground', 'Behind the text', standard.ground)}
      {colour('accent', 'Bars and labels', channel.value?.accent || standard.accent)}
      <label class="check"><input type="checkbox" checked={!look.noLogo} onChange={(e) => set({ noLogo: !e.currentTarget.checked })} /> The channel’s logo on full screens</label>
      <Outcome task={task} />
    </div>
  )
}
