import { useSignal } from '@preact/signals'
import { call } from './api'
import { Waiting, useFetched } from './fetched'
import { Act, Outcome, useTask } from './form'
import { Section } from './section'
import { deed, moment } from './words'

interface Entry {
  number: number
  at: string
  who?: string
  name: string
  did: string
  detail?: string
}

/** The server answers with some hundred at once; that many are shown more at a time. */
const step = 25

/** Who changed what on this server, newest first. */
export function Trail() {
  const first = useFetched<{ entries: Entry[] }>('/audit')
  const older = useSignal<Entry[]>([])
  const atEnd = useSignal(false)
  const task = useTask()
  const all = [...(first.value.value?.entries ?? []), ...older.value]
  const last = all.at(-1)
  const shown = useSignal(step)
  const reachesBack = last === undefined || last.number <= 1 || atEnd.value
  const more = async () => {
    if (shown.value + step > all.length && !reachesBack) await fetchOlder()
    shown.value += step
  }
  const fetchOlder = async () => {
    const { entries } = await call<{ entries: Entry[] }>('GET', `/audit?before=${last!.number}`)
    older.value = [...older.value, ...entries]
    atEnd.value = entries.length === 0
  }
  return (
    <Section id="trail" title="Audit trail" text="Who changed what on this server. A channel has a trail of its own.">
      <Waiting of={first} />
      {first.value.value !== null && all.length === 0 && <p class="dim">Nothing was changed yet.</p>}
      {all.length > 0 && (
        <ol class="lines trail">
          {all.slice(0, shown.value).map((e) => (
            <li key={e.number}>
              <time class="dim" dateTime={e.at}>{moment(e.at)}</time>
              <span class="line-words">
                <span><strong>{e.name || 'The administrator’s token'}</strong> {deed(e.did)}</span>
                {e.detail && <span class="dim long">{e.detail}</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
      {(shown.value < all.length || !reachesBack) && (
        <div class="row"><Act task={task} word="Older" label="Older entries" does={more} /></div>
      )}
      <Outcome task={task} />
    </Section>
  )
}
