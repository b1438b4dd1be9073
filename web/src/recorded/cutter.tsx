import { useSignal } from '@preact/signals'
import { call } from '../people/api'
import { Field, Form, type Read } from '../people/form'
import type { Clip } from '../library/shelf'
import { lacking, marked, moment, none, type Marking } from './marks'

/** Two marks, and a clip of what lies between them. */
export function Cutter({ slug, recording, marking, keys = false }: { slug: string; recording?: string; marking: Marking; keys?: boolean }) {
  const made = useSignal<Clip | null>(null)
  const m = marking.marks.value
  const why = lacking(m)
  const make = async (read: Read) => {
    made.value = await call<Clip>('POST', `/channels/${encodeURIComponent(slug)}/clips`, {
      from: moment(m.from!), to: moment(m.to!), title: read('title').trim(), ...(recording !== undefined && { recording }),
    })
    marking.forget()
    return `${made.value.title} is being made.`
  }
  return (
    <div class="cutter">
      <div class="row cutter-marks">
        <button type="button" class="button ghost" onClick={marking.in}>Mark in{keys && <kbd aria-hidden="true">[</kbd>}</button>
        <button type="button" class="button ghost" onClick={marking.out}>Mark out{keys && <kbd aria-hidden="true">]</kbd>}</button>
        <span class="cutter-words" role="status">{marking.refused.value || marked(m)}</span>
        {m !== none && <button type="button" class="button ghost" onClick={marking.forget}>Forget</button>}
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
