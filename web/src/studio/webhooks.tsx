import { useSignal } from '@preact/signals'
import { Badge } from '../parts'
import { call, type Me } from '../people/api'
import { ask } from '../people/ask'
import { Copy } from '../people/copy'
import { useFetched, Waiting } from '../people/fetched'
import { Act, Field, Form, Outcome, useTask, type Read } from '../people/form'
import { Section } from '../people/section'
import { moment } from '../people/words'
import { channel } from './desk'

interface Answer {
  event: string
  type: string
  at: string
  try: number
  status?: number
  said?: string
  took: number
  ok: boolean
  next?: string
}

interface Webhook {
  id: string
  url: string
  events: string[]
  on: boolean
  waiting?: number
  answers: Answer[]
  secret?: string
}

const events = [
  ['air.on', 'On air', 'A source is on air, after nothing or autopilot.'],
  ['air.off', 'Off air', 'No source is on air any more.'],
  ['cut', 'Cut', 'Something else is on air.'],
  ['recording.ready', 'Recording ready', 'A recording can be played.'],
  ['chat.held', 'Chat message held', 'A message waits for a moderator.'],
] as const

const wordFor = (type: string): string => events.find(([id]) => id === type)?.[1] ?? (type === 'test' ? 'Test' : type)

/** Addresses that are told of what happens in the channel. */
export function Webhooks({ me }: { me: Me }) {
  const c = channel.value!
  if (!(c.role === 'owner' || c.role === 'producer' || me.operator)) return null
  return <Hooks path={`/channels/${encodeURIComponent(c.slug)}/webhooks`} />
}

function Hooks({ path }: { path: string }) {
  const list = useFetched<{ webhooks: Webhook[] }>(path, 15_000)
  const made = useSignal<Webhook | null>(null)
  const all = list.value.value?.webhooks ?? []
  const add = async (read: Read) => {
    const some = events.map(([id]) => id).filter((id) => read(`event-${id}`) === 'yes')
    made.value = await call<Webhook>('POST', path, { url: read('url').trim(), events: some.length === events.length ? [] : some })
    await list.again()
  }
  return (
    <Section id="webhooks" title="Webhooks" text="Programs of yours that are told of what happens here: each event is posted to their address, signed, and again for a day until they answer.">
      <Waiting of={list} />
      {all.length > 0 && <ul class="lines hooks">{all.map((w) => <Line key={w.id} w={w} path={path} again={list.again} show={(secret) => (made.value = secret)} />)}</ul>}
      {made.value?.secret && <Copy label={`Secret for ${hostOf(made.value.url)}`} value={made.value.secret} hint="It is shown this once. Your program checks with it that what it is told comes from here: the producer's guide says how." />}
      <details class="more">
        <summary>Add a webhook</summary>
        <Form word="Add" look="ghost" does={add} clear>
          <Field name="url" label="Address" maxLength={2000} hint="Such as https://example.org/hook, on the public internet." />
          <fieldset class="choices">
            <legend>What it is told of</legend>
            {events.map(([id, name, text]) => (
              <label key={id} class="check"><input type="checkbox" name={`event-${id}`} value="yes" defaultChecked /><span>{name}<small>{text}</small></span></label>
            ))}
          </fieldset>
        </Form>
      </details>
    </Section>
  )
}

const hostOf = (url: string): string => {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

function Line({ w, path, again, show }: { w: Webhook; path: string; again: () => Promise<void>; show: (made: Webhook) => void }) {
  const task = useTask()
  const open = useSignal(false)
  const at = `${path}/${encodeURIComponent(w.id)}`
  const name = hostOf(w.url)
  const test = async () => {
    const a = await call<Answer>('POST', `${at}/test`)
    await again()
    open.value = true
    return a.ok ? `It answered ${a.status} in ${a.took} s.` : `It did not take the test: ${a.said || `it answered ${a.status}`}.`
  }
  const turn = async () => {
    await call('PATCH', at, { on: !w.on })
    await again()
  }
  const rotate = () => ask({
    title: `Another secret for ${name}?`, danger: true, word: 'Make another secret', text: 'Your program refuses what it is told until it knows the new one.',
    does: async () => {
      show(await call<Webhook>('POST', `${at}/secret`))
      return 'There is a new secret.'
    },
  })
  const remove = () => ask({
    title: `Remove the webhook ${name}?`, danger: true, word: 'Remove it', text: 'It is told nothing any more, and what waits for it is dropped.',
    does: async () => {
      await call('DELETE', at)
      await again()
      return 'The webhook is removed.'
    },
  })
  const last = w.answers[0]
  return (
    <li>
      <span class="line-words">
        <span class="line-head"><strong class="long">{name}</strong>{!w.on ? <Badge kind="off">Off</Badge> : last === undefined ? <Badge kind="wait">Nothing sent yet</Badge> : last.ok ? <Badge kind="behind">Works</Badge> : <Badge kind="wait">Fails</Badge>}</span>
        <span class="dim long">{w.url}</span>
        <span class="dim">{w.events.length === 0 ? 'Everything' : w.events.map(wordFor).join(', ')}{w.waiting ? ` · ${w.waiting} waiting` : ''}</span>
      </span>
      <span class="row">
        <Act task={task} word="Send a test" label={`Send a test to ${name}`} does={test} />
        <button type="button" class="button ghost" aria-expanded={open.value} aria-label={`${open.value ? 'Less' : 'More'} about ${name}`} onClick={() => (open.value = !open.value)}>{open.value ? 'Less' : 'More'}</button>
      </span>
      <Outcome task={task} />
      {open.value && (
        <div class="account-changes">
          <h3>What it answered lately</h3>
          {w.answers.length === 0 && <p class="dim">Nothing was sent yet.</p>}
          {w.answers.length > 0 && (
            <ol class="lines trail answers">
              {w.answers.map((a) => (
                <li key={`${a.event} ${a.try} ${a.at}`}>
                  <time class="dim" dateTime={a.at}>{moment(a.at)}</time>
                  <span class="line-words">
                    <span>{wordFor(a.type)}: {a.ok ? `taken (${a.status})` : a.status ? `answered ${a.status}` : 'no answer'}{a.try > 1 && `, try ${a.try}`}</span>
                    {a.said && <span class="dim long">{a.said}</span>}
                    {!a.ok && <span class="dim">{a.next ? `Again ${moment(a.next)}` : 'Not tried again'}</span>}
                  </span>
                </li>
              ))}
            </ol>
          )}
          <div class="row">
            <Act task={task} word={w.on ? 'Turn off' : 'Turn on'} label={`${w.on ? 'Turn off' : 'Turn on'} ${name}`} does={turn} />
            <button type="button" class="button ghost" onClick={rotate}>Another secret</button>
            <button type="button" class="button danger" onClick={remove}>Remove</button>
          </div>
        </div>
      )}
    </li>
  )
}
