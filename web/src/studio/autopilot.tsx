import { useSignal, type Signal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { call } from '../people/api'
import { useFetched, Waiting } from '../people/fetched'
import { Act, Outcome, useTask } from '../people/form'
import { Section } from '../people/section'
import { OffAir } from './card'
import { channel, cut, mayCut, onAir } from './desk'
import { dayNames, drafted, planOf, type Board, type Draft, type Plan, type Slot } from './plan'

interface Programme {
  title: string
  start: string
  stop: string
}

interface Guide {
  now?: Programme
  next?: Programme
}

const here = Intl.DateTimeFormat().resolvedOptions().timeZone

const hour = (time: string): string => new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })

/** What plays when nobody is live. */
export function Autopilot() {
  const c = channel.value!
  const path = `/channels/${encodeURIComponent(c.slug)}`
  const boards = useFetched<{ storyboards: Board[] }>(`${path}/storyboards`)
  const plan = useSignal<Plan | null>(null)
  const draft = useSignal<Draft>({ filler: '', slots: [] })
  const task = useTask()
  useEffect(() => {
    void task.run(async () => {
      const found = await call<Plan>('GET', `${path}/schedule`)
      plan.value = found.card ? { ...found, filler: '', storyboards: [] } : found
      draft.value = drafted(plan.value)
    })
  }, [path])
  const known = boards.value.value?.storyboards
  const choices = known && [...known, ...(plan.value?.storyboards ?? []).filter((b) => !known.some((k) => k.id === b.id)).map((b) => ({ id: b.id, name: b.title ?? b.id }))]
  const save = async () => {
    plan.value = await call<Plan>('PUT', `${path}/schedule`, planOf(draft.value, plan.value!, (known ?? []).map((b) => b.id), here))
    draft.value = drafted(plan.value)
    return 'Saved.'
  }
  return (
    <Section id="autopilot" title="When nobody is live" word="Autopilot" text="Storyboards keep the channel on air. Five seconds after nothing is live any more they begin; a source that goes on air interrupts them, and the clip goes on afterwards where it stopped.">
      <Waiting of={boards} />
      {mayCut.value && plan.value && (plan.value.version === 0 || plan.value.card) && <OffAir path={path} />}
      {choices && choices.length === 0 && <p class="dim">There is no storyboard yet. <a href={`/studio/${c.slug}/library`}>Upload clips in the library</a> and put them into one.</p>}
      {choices && choices.length > 0 && plan.value && (
        <div class="form">
          <Choose label="Plays in a loop" boards={choices} value={draft.value.filler} does={(filler) => (draft.value = { ...draft.value, filler })} />
          {draft.value.slots.map((s, i) => <Fixed key={i} n={i} slot={s} boards={choices} draft={draft} />)}
          <div class="row">
            <button type="button" class="button ghost" onClick={() => (draft.value = { ...draft.value, slots: [...draft.value.slots, { storyboard: choices[0]!.id, at: '20:00', days: [] }] })}>Add a fixed time</button>
          </div>
          <p class="dim small">Storyboards are played as they stand when you save: save again after a change in the library. Times are those of {plan.value.zone || here}.</p>
          <div class="row">
            {draft.value.filler !== '' && <Act task={task} look="main" word="Save the plan" does={save} />}
            {plan.value.version > 0 && !plan.value.card && mayCut.value && onAir.value !== 'autopilot' && <Act task={task} word="Play it now" does={async () => cut('autopilot')} />}
          </div>
        </div>
      )}
      <Outcome task={task} />
      {plan.value !== null && plan.value.version > 0 && <Upcoming path={path} version={plan.value.version} />}
    </Section>
  )
}

function Choose({ label, boards, value, does }: { label: string; boards: Board[]; value: string; does: (id: string) => void }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(e) => does(e.currentTarget.value)}>
        {value === '' && <option value="">Choose a storyboard</option>}
        {boards.map((b) => <option key={b.id} value={b.id}>{b.name}</option>)}
      </select>
    </div>
  )
}

/** A storyboard that begins at a time of the day. */
function Fixed({ n, slot, boards, draft }: { n: number; slot: Slot; boards: Board[]; draft: Signal<Draft> }) {
  const id = useId()
  const set = (change: Partial<Slot>) => (draft.value = { ...draft.value, slots: draft.value.slots.map((s, i) => (i === n ? { ...s, ...change } : s)) })
  const toggle = (day: number) => set({ days: slot.days.includes(day) ? slot.days.filter((d) => d !== day) : [...slot.days, day].sort() })
  return (
    <fieldset class="sub slot">
      <legend>Fixed time {n + 1}</legend>
      <div class="row">
        <div class="field">
          <label for={id}>At</label>
          <input id={id} type="time" value={slot.at} required onChange={(e) => e.currentTarget.value !== '' && set({ at: e.currentTarget.value })} />
        </div>
        <Choose label="Storyboard" boards={boards} value={slot.storyboard} does={(storyboard) => set({ storyboard })} />
      </div>
      {slot.date ? <p class="dim">Only on {slot.date}.</p> : (
        <div class="row" role="group" aria-label="Days; every day if none is chosen">
          {dayNames().map((name, day) => <button key={day} type="button" class="chip" aria-pressed={slot.days.includes(day)} onClick={() => toggle(day)}>{name}</button>)}
          {slot.days.length === 0 && <span class="dim">every day</span>}
        </div>
      )}
      <label class="check"><input type="checkbox" checked={slot.repeat ?? false} onChange={(e) => set({ repeat: e.currentTarget.checked })} /><span>In a loop until the next fixed time</span></label>
      <div class="row"><button type="button" class="button ghost" onClick={() => (draft.value = { ...draft.value, slots: draft.value.slots.filter((_, i) => i !== n) })}>Remove fixed time {n + 1}</button></div>
    </fieldset>
  )
}

function Upcoming({ path, version }: { path: string; version: number }) {
  const guide = useFetched<Guide>(`${path}/guide?version=${version}`, 30_000)
  const g = guide.value.value
  if (!g?.now && !g?.next) return null
  return (
    <p class="dim" role="status">
      {g.now && <>{onAir.value === 'autopilot' ? 'Plays now' : 'Would play now'}: <strong>{g.now.title}</strong>. </>}
      {g.next && <>Next, at {hour(g.next.start)}: <strong>{g.next.title}</strong>.</>}
    </p>
  )
}
