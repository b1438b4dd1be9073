import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { call } from '../people/api'
import { useFetched, Waiting } from '../people/fetched'
import { Act, Outcome, useTask } from '../people/form'
import { channel } from './desk'
import { upload } from './look'
import { shrunk } from './shrink'

/** What viewers see when nobody is live and nothing is planned. */
interface OffAirCard {
  state: 'none' | 'making' | 'shown' | 'failed' | 'plan'
  kind?: 'drawn' | 'picture' | 'clip'
  line?: string
  fault?: string
  poster?: string
}

const lookEvery = 2000

/** The card of a channel without a plan: made, changed and removed by one click. */
export function OffAir({ path }: { path: string }) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const card = useFetched<OffAirCard>(`${path}/card`)
  const line = useSignal<string | null>(null)
  const task = useTask()
  const now = card.value.value
  const revision = channel.value?.revision
  const seen = useRef(revision)
  useEffect(() => {
    if (revision !== seen.current) void card.again()
    seen.current = revision
  }, [revision])
  useEffect(() => {
    if (now?.state !== 'making') return
    const timer = window.setInterval(() => document.visibilityState === 'visible' && void card.again(), lookEvery)
    return () => window.clearInterval(timer)
  }, [now?.state])
  if (now === null) return <Waiting of={card} />
  if (now.state === 'plan') return null
  const written = line.value ?? now.line ?? ''
  const there = now.state !== 'none'
  const draw = async () => {
    card.value.value = await call<OffAirCard>('PUT', `${path}/card`, { line: written })
    line.value = null
  }
  const put = (file: File | undefined) => file && void task.run(async () => {
    card.value.value = await upload<OffAirCard>(`${path}/card/picture`, await shrunk(file, 'picture'))
    if (field.current) field.current.value = ''
  })
  const remove = async () => {
    card.value.value = await call<OffAirCard>('DELETE', `${path}/card`)
    line.value = null
    return 'The card is removed. When nobody is live the channel is off air.'
  }
  return (
    <div class="off-air" role="group" aria-labelledby={`${id}-t`}>
      {there && (
        <span class="off-air-shown">{now.poster ? <img src={now.poster} alt="The card now" /> : <span class="dim" role="status">{now.state === 'making' ? 'The card is being made' : 'There is no picture of it'}</span>}</span>
      )}
      <div class="form">
        <h3 id={`${id}-t`}>{there ? 'The off-air card' : 'A card'}</h3>
        <p class="dim" role="status">
          {now.state === 'shown' ? 'Viewers see it whenever nobody is live, in players outside too.' : now.state === 'making' ? 'Viewers see it in some seconds, whenever nobody is live.' : now.state === 'failed' ? 'What viewers saw before stays until another is made.'
            : 'A picture that viewers see whenever nobody is live, in players outside too: with the channel’s title, logo and colours, or one of your own. A plan that you make later takes its place.'}
        </p>
        {now.state === 'failed' && <p class="alert" role="alert">The card could not be made: {now.fault}</p>}
        <div class="field">
          <label for={id}>A line below the title</label>
          <input id={id} value={written} maxLength={160} placeholder="Back on Sunday at 10" onInput={(e) => (line.value = e.currentTarget.value)} />
        </div>
        <div class="row">
          <Act task={task} look={there ? 'ghost' : 'main'} word={there ? 'Draw it anew' : 'Show a card when nobody is live'} does={draw} />
          <input ref={field} id={`${id}-f`} class="hidden-words" type="file" accept="image/png,image/jpeg,image/webp" aria-label="Choose a picture for the card" disabled={task.busy.value} onChange={(e) => put(e.currentTarget.files?.[0])} />
          <label class="button ghost" for={`${id}-f`} aria-busy={task.busy.value}>{there ? 'Another picture' : 'A picture of my own'}</label>
          {there && <Act task={task} word="Remove the card" does={remove} />}
        </div>
        <Outcome task={task} />
      </div>
    </div>
  )
}
