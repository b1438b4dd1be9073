import { useSignal, type Signal } from '@preact/signals'
import { call } from '../people/api'
import { Field, Form, type Read } from '../people/form'
import type { Clip } from '../library/shelf'
import { clock } from '../words'
import { lacking, markFrom, markTo, moment, none, timeOf, type Marks } from './marks'

/** Two marks, and a clip of what lies between them. now says what is seen, in program time. */
export function Cutter({ slug, recording, marks, now, keys = false }: { slug: string; recording?: string; marks: Signal<Marks>; now: () => number | null; keys?: boolean }) {
  const made = useSignal<Clip | null>(null)
  const m = marks.value
  const at = (mark: (m: Marks, at: number) => Marks) => () => {
    const seen = now()
    if (seen !== null) marks.value = mark(marks.value, seen)
  }
  const why = lacking(m)
  const make = async (read: Read) => {
    made.value = await call<Clip>('POST', `/channels/${encodeURIComponent(slug)}/clips`, {
      from: moment(m.from!), to: moment(m.to!), title: read('title').trim(), ...(recording !== undefined && { recording }),
    })
    marks.value = none
    return `${made.value.title} is being made.`
  }
  return (
    <div class="cutter">
      <div class="row cutter-marks">
        <button type="button" class="button ghost" onClick={at(markFrom)}>Mark in{keys && <kbd aria-hidden="true">[</kbd>}</button>
        <button type="button" class="button ghost" onClick={at(markTo)}>Mark out{keys && <kbd aria-hidden="true">]</kbd>}</button>
        <span class="cutter-words" role="status">
          {m.from === null && m.to === null ? 'Nothing is marked.' : <>From {m.from === null ? '…' : timeOf(m.from)} to {m.to === null ? '…' : timeOf(m.to)}{m.from !== null && m.to !== null && `, ${clock((m.to - m.from) / 1000)} long`}</>}
        </span>
        {(m.from !== null || m.to !== null) && <button type="button" class="button ghost" onClick={() => (marks.value = none)}>Forget</button>}
      </div>
      {why === '' && (
        <Form word="Make the clip" does={make} clear>
          <Field name="title" label="Title of the clip" maxLength={120} />
        </Form>
      )}
      {made.value !== null && why !== '' && <p class="done" role="status">{made.value.title} is being made. It is in the <a href={`/studio/${slug}/library`}>library</a> in a moment.</p>}
    </div>
  )
}
