import { signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { call } from '../people/api'
import { ask } from '../people/ask'
import { Alert, Field, Form, useTask, type Read } from '../people/form'
import { Badge } from '../parts'
import { clock } from '../words'
import { size } from './find'
import { Reel } from './reel'
import { drop, path, take, type Clip } from './shelf'
import { give, sending } from './uploads'

/** The clip that is looked at. */
export const open = signal<Clip | null>(null)

const played = (c: Clip): number => (c.out ?? c.duration ?? 0) - c.in

/** One line of words about what a clip is, or what becomes of it. */
function About({ c }: { c: Clip }) {
  const s = sending.value.get(c.id)
  if (s !== undefined) {
    const share = s.bytes > 0 ? s.sent / s.bytes : 0
    const words = s.state === 'failed' ? s.fault : s.state === 'queued' ? 'Waits for its turn' : s.state === 'waiting' ? 'Out of reach; it goes on by itself' : `${size(s.sent)} of ${size(s.bytes)}`
    return <Progress words={words} share={share} label={`Upload of ${c.title}`} bad={s.state === 'failed'} />
  }
  switch (c.state) {
    case 'uploading':
      return <span class="clip-words dim">Not here as a whole: choose {c.file} again to go on.</span>
    case 'waiting':
      return <Progress words="Waits to be converted" label={`Conversion of ${c.title}`} />
    case 'converting':
      return <Progress words={c.progress === undefined ? 'Converting' : `Converting, ${Math.floor(c.progress * 100)} %`} {...(c.progress !== undefined && { share: c.progress })} label={`Conversion of ${c.title}`} />
    case 'failed':
      return <span class="clip-words clip-fault">{c.fault}</span>
  }
  return <span class="clip-words dim">{[c.public ? 'On the channel’s page' : '', c.width ? `${c.width} × ${c.height}` : '', size(c.bytes), ...c.tags].filter((s) => s !== '').join(' · ')}</span>
}

function Progress({ words, share, label, bad = false }: { words: string; share?: number; label: string; bad?: boolean }) {
  return (
    <span class="clip-words">
      <progress aria-label={label} {...(share !== undefined && { value: share })} max={1} />
      <span class={bad ? 'clip-fault' : 'dim'}>{words}</span>
    </span>
  )
}

/** A clip in the list. */
export function Card({ c, onAdd }: { c: Clip; onAdd: (() => void) | null }) {
  const ready = c.state === 'ready'
  return (
    <li class={`clip is-${c.state}`}>
      <button type="button" class="clip-open" disabled={!ready} onClick={() => (open.value = c)} aria-label={`Open ${c.title}`}>
        <span class="picture">
          {c.poster ? <img src={c.poster} alt="" loading="lazy" /> : <span class="picture-word">{ready ? 'No poster' : c.state === 'failed' ? 'Cannot be played' : 'Not ready yet'}</span>}
          {ready && <span class="clip-length">{clock(played(c))}</span>}
        </span>
      </button>
      <div class="clip-line">
        <strong>{c.title}</strong>
        <About c={c} />
      </div>
      <div class="clip-acts">
        {ready && onAdd && <button type="button" class="button ghost" onClick={onAdd} aria-label={`Add ${c.title} to the storyboard`}>Add</button>}
        {!ready && <button type="button" class="button ghost" onClick={() => remove(c)} aria-label={`Delete ${c.title}`}>{c.state === 'failed' ? 'Delete' : 'Cancel'}</button>}
      </div>
    </li>
  )
}

function remove(c: Clip, after = () => {}): void {
  ask({
    title: `Delete ${c.title}?`, danger: true, word: 'Delete', text: 'It cannot be played any more from now on, and storyboards pass it over.',
    does: async () => {
      give(c.id)
      await call('DELETE', `${path}/clips/${c.id}`)
      drop(c.id)
      after()
      return `${c.title} was deleted.`
    },
  })
}

/** A clip by itself: looked at, trimmed, named. */
export function Editor() {
  const dialog = useRef<HTMLDialogElement>(null)
  const c = open.value
  useEffect(() => {
    if (c !== null && !dialog.current?.open) dialog.current?.showModal()
    if (c === null && dialog.current?.open) dialog.current.close()
  }, [c])
  return (
    <dialog ref={dialog} class="sheet clip-sheet" aria-labelledby="clip-title" onClose={() => (open.value = null)}>
      {c !== null && <Edit key={c.id} c={c} />}
    </dialog>
  )
}

function Edit({ c }: { c: Clip }) {
  const video = useRef<HTMLVideoElement>(null)
  const from = useSignal(c.in)
  const to = useSignal(c.out ?? c.duration ?? 0)
  const task = useTask()
  const length = c.duration ?? 0
  const now = () => Math.min(length, video.current?.currentTime ?? 0)
  const change = async (body: object) => {
    const changed = await call<Clip>('PATCH', `${path}/clips/${c.id}`, body)
    take(changed)
    open.value = changed
  }
  const save = async (read: Read) => {
    const tags = read('tags').split(',').map((t) => t.trim()).filter((t) => t !== '')
    await change({ title: read('title').trim(), tags, in: from.value, out: to.value >= length ? 0 : to.value })
    return 'Saved.'
  }
  return (
    <>
      <header class="clip-head">
        <h2 id="clip-title">{c.title}</h2>
        <button type="button" class="button ghost" onClick={() => (open.value = null)}>Close</button>
      </header>
      <Reel url={c.playlist!} label={c.title} video={video} />
      <div class="trim" role="group" aria-label="Where it begins and ends">
        <span class="trim-bar" aria-hidden="true"><i style={{ left: `${(from.value / length) * 100}%`, right: `${100 - (to.value / length) * 100}%` }} /></span>
        <button type="button" class="button ghost" onClick={() => (from.value = Math.min(now(), to.value - 0.1))}>Begin here</button>
        <button type="button" class="button ghost" onClick={() => (to.value = Math.max(now(), from.value + 0.1))}>End here</button>
        <span class="trim-words">Plays {clock(from.value)} to {clock(to.value)}, {clock(to.value - from.value)} long</span>
        {(from.value > 0 || to.value < length) && <button type="button" class="button ghost" onClick={() => { from.value = 0; to.value = length }}>Whole clip</button>}
      </div>
      <p class="dim small">It begins and ends with the nearest of the pictures, about every two seconds, that a player can begin with.</p>
      <Form word="Save" does={save}>
        <Field name="title" label="Title" value={c.title} maxLength={120} />
        <Field name="tags" label="Tags" value={c.tags.join(', ')} maxLength={260} required={false} hint="Words to find it by, with commas between them." />
      </Form>
      <div class="row clip-more">
        <button type="button" class="button ghost" disabled={task.busy.value} onClick={() => void task.run(async () => { await change({ posterAt: now() }); return 'This picture is its poster.' })}>Use this picture as poster</button>
        <button type="button" class="button ghost" disabled={task.busy.value} onClick={() => void task.run(async () => { await change({ public: !c.public }); return c.public ? 'It is not on the channel’s page any more.' : 'It is on the channel’s page.' })}>{c.public ? 'Take it off the channel’s page' : 'Put it on the channel’s page'}</button>
        <a class="button ghost" href={c.download ?? ""} download>Download MP4</a>
        <button type="button" class="button danger" onClick={() => remove(c, () => (open.value = null))}>Delete</button>
      </div>
      <Alert text={task.fault.value} />
      <p class="done" role="status">{task.done.value}</p>
      {c.in > 0 || c.out ? <Badge kind="off">Trimmed</Badge> : null}
    </>
  )
}
