import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { call } from '../people/api'
import { ask } from '../people/ask'
import { Field, Outcome, useTask } from '../people/form'
import { clock } from '../words'
import { moved, without } from './order'
import { clips, path } from './shelf'

interface Placed {
  channel?: string
  clip: string
}

export interface Board {
  id: string
  name: string
  version: number
  shared: boolean
  channel?: string
  borrowed?: boolean
  clips?: Placed[]
}

export const boards = signal<Board[] | null>(null)
/** The storyboard that is worked on, with what is not saved yet. */
export const board = signal<Board | null>(null)
const changed = signal(false)
const grip = signal(-1)
const said = signal('')

async function look(): Promise<void> {
  boards.value = (await call<{ storyboards: Board[] }>('GET', `${path}/storyboards`)).storyboards
}

function set(list: Placed[]): void {
  if (board.value === null) return
  board.value = { ...board.value, clips: list }
  changed.value = true
}

/** Adds a clip to the end of the storyboard that is worked on. */
export function place(clip: string): void {
  set([...(board.value?.clips ?? []), { clip }])
}

export function Boards() {
  const task = useTask()
  useEffect(() => void task.run(look), [])
  const choose = (id: string) => task.run(async () => {
    board.value = await call<Board>('GET', `${path}/storyboards/${id}`)
    board.value.clips ??= []
    changed.value = false
  })
  const fresh = () => ask({
    title: 'A new storyboard', word: 'Make it', text: 'It is a list of clips that play one after the other.', field: <Field name="name" label="Name" maxLength={120} />,
    does: async (read) => {
      const made = await call<Board>('POST', `${path}/storyboards`, { name: read('name').trim(), clips: [] })
      await look()
      board.value = { ...made, clips: [] }
      changed.value = false
    },
  })
  return (
    <section class="boards" aria-labelledby="boards">
      <header class="boards-head">
        <h2 id="boards" tabIndex={-1}>Storyboards</h2>
        <button type="button" class="button ghost" onClick={fresh}>New storyboard</button>
      </header>
      {boards.value !== null && boards.value.length === 0 && <p class="dim">None yet. A storyboard is a list of clips that play one after the other.</p>}
      {boards.value !== null && boards.value.length > 0 && (
        <ul class="boards-list">
          {boards.value.map((b) => (
            <li key={b.id}><button type="button" class="chip" aria-pressed={board.value?.id === b.id} onClick={() => void choose(b.id)}>{b.name}{b.borrowed ? ` (of ${b.channel})` : ''}</button></li>
          ))}
        </ul>
      )}
      {board.value !== null && <Sheet b={board.value} />}
      <Outcome task={task} />
    </section>
  )
}

function Sheet({ b }: { b: Board }) {
  const task = useTask()
  const list = b.clips ?? []
  const known = new Map(clips.value.map((c) => [c.id, c]))
  const total = list.reduce((sum, p) => sum + lengthOf(known.get(p.clip)), 0)
  const save = () => task.run(async () => {
    board.value = { ...(await call<Board>('PUT', `${path}/storyboards/${b.id}`, { name: b.name, clips: list, shared: b.shared, version: b.version })), clips: list }
    changed.value = false
    await look()
    return 'Saved.'
  })
  const remove = () => ask({
    title: b.borrowed ? `Give ${b.name} back?` : `Delete ${b.name}?`, danger: true, word: b.borrowed ? 'Give back' : 'Delete', text: 'Its clips stay in the library.',
    does: async () => {
      await call('DELETE', `${path}/storyboards/${b.id}`)
      board.value = null
      await look()
    },
  })
  const shift = (from: number, to: number) => {
    if (to < 0 || to >= list.length) return
    set(moved(list, from, to))
    said.value = `${known.get(list[from]!.clip)?.title ?? 'Clip'}: place ${to + 1} of ${list.length}`
    window.setTimeout(() => document.getElementById(`place-${to}`)?.focus())
  }
  const key = (e: KeyboardEvent, i: number) => {
    if (!e.altKey && (e.key === 'Delete' || e.key === 'Backspace')) { e.preventDefault(); set(without(list, i)) }
    if (!e.altKey || (e.key !== 'ArrowUp' && e.key !== 'ArrowDown')) return
    e.preventDefault()
    shift(i, e.key === 'ArrowUp' ? i - 1 : i + 1)
  }
  return (
    <div class="board">
      <header class="boards-head">
        <h3>{b.name} <span class="dim">{list.length} {list.length === 1 ? 'clip' : 'clips'}, {clock(total)}</span></h3>
      </header>
      {list.length === 0 && <p class="dim board-empty">Empty. Press “Add” at a clip to put it here.</p>}
      <ol class="places">
        {list.map((p, i) => {
          const c = known.get(p.clip)
          return (
            <li key={`${p.clip}-${i}`} id={`place-${i}`} class={`place ${grip.value === i ? 'is-gripped' : ''}`} tabIndex={b.borrowed ? -1 : 0} draggable={!b.borrowed} aria-label={`${c?.title ?? 'A clip that is not here'}, place ${i + 1} of ${list.length}`}
              onKeyDown={(e) => !b.borrowed && e.target === e.currentTarget && key(e, i)}
              onDragStart={(e) => { grip.value = i; e.dataTransfer?.setData('text/plain', String(i)) }} onDragEnd={() => (grip.value = -1)}
              onDragOver={(e) => grip.value >= 0 && e.preventDefault()} onDrop={(e) => { e.preventDefault(); e.stopPropagation(); if (grip.value >= 0) set(moved(list, grip.value, i)); grip.value = -1 }}>
              <span class="place-number">{i + 1}</span>
              {c?.poster ? <img src={c.poster} alt="" loading="lazy" /> : <span class="place-blank" />}
              <span class="place-words"><strong>{c?.title ?? (p.channel ? `A clip of ${p.channel}` : 'Deleted clip')}</strong><span class="dim">{c ? clock(lengthOf(c)) : ''}</span></span>
              {!b.borrowed && (
                <span class="place-acts">
                  <button type="button" aria-label={`Move ${c?.title ?? 'it'} up`} disabled={i === 0} onClick={() => shift(i, i - 1)}>↑</button>
                  <button type="button" aria-label={`Move ${c?.title ?? 'it'} down`} disabled={i === list.length - 1} onClick={() => shift(i, i + 1)}>↓</button>
                  <button type="button" aria-label={`Take ${c?.title ?? 'it'} out`} onClick={() => set(without(list, i))}>×</button>
                </span>
              )}
            </li>
          )
        })}
      </ol>
      <p class="hidden-words" role="status">{said.value}</p>
      {!b.borrowed && list.length > 1 && <p class="dim small">Drag clips to order them, or press <kbd>Alt</kbd> with <kbd>↑</kbd> or <kbd>↓</kbd>.</p>}
      {!b.borrowed && (
        <label class="check"><input type="checkbox" checked={b.shared} onChange={(e) => { board.value = { ...b, shared: e.currentTarget.checked }; changed.value = true }} /><span>Other channels of this server may play it<small>They see it as it is, and what you change they get too.</small></span></label>
      )}
      <div class="row">
        {!b.borrowed && <button type="button" class="button" disabled={!changed.value || task.busy.value} onClick={() => void save()}>Save</button>}
        <button type="button" class="button danger" onClick={remove}>{b.borrowed ? 'Give back' : 'Delete'}</button>
      </div>
      <Outcome task={task} />
    </div>
  )
}

const lengthOf = (c: { in: number; out?: number; duration?: number } | undefined): number => (c === undefined ? 0 : (c.out ?? c.duration ?? 0) - c.in)
