import { signal, useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { call, Problem } from '../people/api'
import { ask } from '../people/ask'
import { Field, Form, type Read } from '../people/form'
import { Section } from '../people/section'
import { clock } from '../words'
import { board } from './board'
import { clips, titleOf } from './clips'
import { clipOf, sourceOf } from './cue'
import { channel, cut, feedClock, mayCut, onAir, sources } from './desk'
import { nameOf as graphicName } from './graphic'
import { show } from './graphics'
import { behind, left, seconds, whereIs, type Rundown, type Step } from './steps'

const rundown = signal<Rundown | null>(null)

/** What went wrong with the last change, for people. */
const trouble = signal('')

const at = (path = '') => `/channels/${encodeURIComponent(channel.value!.slug)}/rundown${path}`

let asked = 0

/** Asks for the rundown, or changes it; the newest question counts. */
async function fetchIt(method: 'GET' | 'POST' | 'PATCH' | 'DELETE' = 'GET', path = '', body?: unknown): Promise<void> {
  const turn = ++asked
  const answer = await call<Rundown>(method, at(path), body)
  if (turn === asked) rundown.value = answer
}

/** Changes something; if somebody else was quicker, that is said, and what they did is shown. */
async function change(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<boolean> {
  trouble.value = ''
  try {
    await fetchIt(method, path, body)
    return true
  } catch (e) {
    trouble.value = e instanceof Problem ? e.message : String(e)
    await fetchIt().catch(() => {})
    return false
  }
}

/** Goes on to a step, cuts to what it says, and shows its graphics. Of two producers who go on at once one does. */
async function go(step: Step): Promise<void> {
  if (!mayCut.value || !(await change('POST', '/go', { from: rundown.value?.current ?? '', to: step.id }))) return
  if (step.source && step.source !== onAir.value) await cut(step.source)
  for (const id of step.graphics ?? []) await show(id)
}

/** The next step, if there is one. */
export function goOn(): void {
  const r = rundown.value
  const step = r?.steps[whereIs(r).next]
  if (step) void go(step)
}

const graphicsOf = (s: Step): string => (s.graphics ?? []).map((id) => board.value?.graphics.find((g) => g.id === id)).map((g) => (g ? graphicName(g) : 'a graphic that is gone')).join(', ')

const nameOf = (id: string | undefined): string => (clipOf(id) ? titleOf(id) : id ? (sources.value.find((s) => s.id === id)?.name ?? 'a source that is gone') : '')

/** The prepared steps of a show. */
export function Steps() {
  const revision = channel.value?.revision
  useEffect(() => void fetchIt().catch(() => {}), [revision])
  const now = useSignal(feedClock())
  useEffect(() => {
    const timer = window.setInterval(() => (now.value = feedClock()), 500)
    return () => window.clearInterval(timer)
  }, [])
  const dragged = useSignal('')
  const r = rundown.value ?? { steps: [], since: '' }
  const { on, next } = whereIs(r)
  const rest = left(r, now.value)
  const total = r.steps.reduce((sum, s) => sum + (s.duration ?? 0), 0)
  return (
    <Section id="rundown" title="Rundown" text="What happens in the show, one step after the other. Space goes on to the next.">
      {r.steps.length > 0 && (
        <p class="rundown-now" role="status">
          {on < 0 ? 'Not begun' : <><strong>{words(r.steps[on]!)}</strong>{rest !== null && <span class={`rest ${rest < 0 ? 'is-over' : ''}`}> {rest < 0 ? `${clock(-rest)} over` : `${clock(Math.ceil(rest))} left`}</span>}</>}
          <span class="dim"> {next >= 0 ? `Next: ${words(r.steps[next]!)}.` : 'That was the last step.'}{total > 0 && ` All of it: ${clock(total)}.`}</span>
        </p>
      )}
      {trouble.value && <p class="alert" role="alert">{trouble.value}</p>}
      <ol class="steps">
        {r.steps.map((s, i) => (
          <li key={s.id} class={`step ${i === on ? 'is-on' : ''} ${dragged.value === s.id ? 'is-dragged' : ''}`} aria-current={i === on ? 'step' : undefined} draggable={mayCut.value}
            onDragStart={() => (dragged.value = s.id)} onDragEnd={() => (dragged.value = '')} onDragOver={(e) => dragged.value !== '' && e.preventDefault()}
            onDrop={(e) => {
              e.preventDefault()
              const from = r.steps.findIndex((x) => x.id === dragged.value)
              if (from >= 0 && from !== i) void change('POST', `/steps/${dragged.value}/move`, { after: from < i ? s.id : (r.steps[i - 1]?.id ?? '') })
            }}>
            <span class="step-words"><strong>{words(s)}</strong><small class="dim">{[s.note ? nameOf(s.source) : '', s.note || s.source ? graphicsOf(s) : '', s.duration ? clock(s.duration) : ''].filter(Boolean).join(', ')}</small></span>
            {i === on && <span class="heard">on</span>}
            {mayCut.value && <Acts r={r} s={s} n={i + 1} next={i === next} />}
          </li>
        ))}
      </ol>
      {on >= 0 && mayCut.value && <div class="row"><button type="button" class="button ghost" onClick={() => void change('POST', '/go', { from: r.current ?? '', to: '' })}>Back to the beginning</button></div>}
      {mayCut.value && <Form word="Add a step" look="ghost" clear does={async (read) => fetchIt('POST', '/steps', fieldsOf(read))}><StepFields /></Form>}
    </Section>
  )
}

const words = (s: Step): string => s.note || nameOf(s.source) || graphicsOf(s)

function Acts({ r, s, n, next }: { r: Rundown; s: Step; n: number; next: boolean }) {
  const move = (by: -1 | 1) => {
    const after = behind(r, s.id, by)
    if (after !== null) void change('POST', `/steps/${s.id}/move`, { after })
  }
  const edit = () => ask({
    title: 'Change the step', word: 'Save', text: 'The other producers see it at once.', field: <StepFields s={s} />,
    does: async (read) => fetchIt('PATCH', `/steps/${s.id}`, { version: s.version, ...fieldsOf(read) }),
  })
  return (
    <span class="chips">
      <button type="button" class="chip" aria-label={`Go to step ${n}, ${words(s)}`} onClick={() => void go(s)}>{next && <kbd>Space</kbd>}Go</button>
      <button type="button" class="chip" aria-label={`Move step ${n} up`} disabled={n === 1} onClick={() => move(-1)}>↑</button>
      <button type="button" class="chip" aria-label={`Move step ${n} down`} disabled={n === r.steps.length} onClick={() => move(1)}>↓</button>
      <button type="button" class="chip" aria-label={`Change step ${n}`} onClick={edit}>Change</button>
      <button type="button" class="chip" aria-label={`Remove step ${n}`} onClick={() => void change('DELETE', `/steps/${s.id}`)}>Remove</button>
    </span>
  )
}

function StepFields({ s }: { s?: Step }) {
  const id = useId()
  const graphic = s?.graphics?.[0]
  return (
    <>
      <Field name="note" label="What happens" value={s?.note ?? ''} required={false} maxLength={500} />
      <div class="field">
        <label for={id}>Cut to</label>
        <select id={id} name="source">
          <option value="">nothing else</option>
          {sources.value.map((x) => <option key={x.id} value={x.id} selected={x.id === s?.source}>{x.name}</option>)}
          {clips.value.map((x) => <option key={x.id} value={sourceOf(x.id)} selected={sourceOf(x.id) === s?.source}>Clip: {x.title}</option>)}
        </select>
      </div>
      <div class="field">
        <label for={`${id}-graphic`}>Show</label>
        <select id={`${id}-graphic`} name="graphic">
          <option value="">no graphic</option>
          {(board.value?.graphics ?? []).map((g) => <option key={g.id} value={g.id} selected={g.id === graphic}>{graphicName(g)}</option>)}
        </select>
      </div>
      <Field name="duration" label="Planned time" hint="1:30, or minutes. Empty: open." value={s?.duration ? clock(s.duration) : ''} required={false} maxLength={12} />
    </>
  )
}

/** What the fields of a step say. */
function fieldsOf(read: Read): { note: string; source: string; duration: number; graphics: string[] } {
  const duration = seconds(read('duration'))
  if (duration === null) throw new Problem(422, 'Write the time as 1:30, or in minutes.')
  return { note: read('note').trim(), source: read('source'), duration, graphics: read('graphic') ? [read('graphic')] : [] }
}
