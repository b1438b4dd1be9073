import { useEffect } from 'preact/hooks'
import { call, Problem } from '../people/api'
import { ask } from '../people/ask'
import { useFetched, Waiting } from '../people/fetched'
import { Field, Form, type Read } from '../people/form'
import { Section } from '../people/section'
import { readShow, when, type Show } from '../show'
import { Words } from './choices'
import { channel, mayCut } from './desk'

/** A time as the field of a form writes it, in local time. */
const local = (ms: number): string => {
  const d = new Date(ms)
  return new Date(ms - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** What is announced. */
export function Shows() {
  const c = channel.value!
  const path = `/channels/${encodeURIComponent(c.slug)}/shows`
  const list = useFetched<{ shows: unknown[] }>(path)
  const revision = c.revision
  useEffect(() => void list.again(), [revision])
  const shows = (list.value.value?.shows ?? []).map(readShow).filter((s): s is Show => s !== null)
  const save = async (read: Read, id?: string) => {
    const at = Date.parse(read('at'))
    if (Number.isNaN(at)) throw new Problem(422, 'Say when it begins.')
    await call(id ? 'PUT' : 'POST', id ? `${path}/${id}` : path, { title: read('title').trim(), text: read('text').trim(), at: new Date(at).toISOString(), minutes: Number(read('minutes')) || 60 })
    await list.again()
    return id ? '' : 'Announced.'
  }
  const edit = (s: Show) => ask({ title: 'Change the show', word: 'Save', text: 'Viewers see it at once. Calendars that have it take the change when they are given the file again.', field: <Fields s={s} />, does: async (read) => void (await save(read, s.id)) })
  const remove = (s: Show) => ask({
    title: `Take “${s.title}” away?`, danger: true, word: 'Take away', text: 'It is not announced any more. What people have in their calendars stays there.',
    does: async () => {
      await call('DELETE', `${path}/${s.id}`)
      await list.again()
    },
  })
  return (
    <Section id="shows" title="Shows" text="What is announced stands on the channel's page with a countdown and a reminder for calendars, and in its guide. It does not start by itself: you go on air.">
      <Waiting of={list} />
      <ul class="lines">
        {shows.map((s) => (
          <li key={s.id}>
            <span class="line-words"><strong>{s.title}</strong><span class="dim">{when(s.at, new Date())}, {Math.round((s.ends - s.at) / 60_000)} minutes</span></span>
            <span class="chips">
              {mayCut.value && <button type="button" class="chip" aria-label={`Change ${s.title}`} onClick={() => edit(s)}>Change</button>}
              {mayCut.value && <button type="button" class="chip" aria-label={`Take away ${s.title}`} onClick={() => remove(s)}>Take away</button>}
            </span>
          </li>
        ))}
      </ul>
      {mayCut.value && <Form word="Announce a show" look="ghost" clear does={(read) => save(read)}><Fields /></Form>}
    </Section>
  )
}

function Fields({ s }: { s?: Show }) {
  return (
    <>
      <Field name="title" label="Title of the show" value={s?.title ?? ''} maxLength={120} />
      <div class="row">
        <Field name="at" label="Begins (your local time)" type="datetime-local" value={s ? local(s.at) : ''} />
        <Field name="minutes" label="Minutes" type="number" value={s ? String(Math.round((s.ends - s.at) / 60_000)) : '60'} min={1} max={1440} />
      </div>
      <Words name="text" label="What it is about" value={s?.text ?? ''} />
    </>
  )
}
