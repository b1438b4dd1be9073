import { useSignal, type Signal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { theme } from '../colours'
import { Badge } from '../parts'
import { call, Problem } from '../people/api'
import { Act, Outcome, useTask } from '../people/form'
import { sentenceOf } from '../people/problems'
import { Section } from '../people/section'
import { channel, take, type Channel } from './desk'
import { shrunk } from './shrink'

/** What the channel looks like. */
export function Look() {
  const c = channel.value!
  const path = `/channels/${encodeURIComponent(c.slug)}`
  return (
    <Section id="look" title="Look" text="How the watch page, the player and the guide show the channel.">
      <Image path={path} kind="logo" title="Logo" now={c.logo ?? ''} text="Shown beside the title. A square one on a clear ground looks best." />
      <Image path={path} kind="picture" title="Picture" now={c.picture ?? ''} text="Shown in the guide, and in the player while nothing plays. 16 to 9 fits best." />
      <Colours path={path} accent={c.accent ?? ''} background={c.background ?? ''} />
    </Section>
  )
}

type Kind = 'logo' | 'picture'

function Image({ path, kind, title, now, text }: { path: string; kind: Kind; title: string; now: string; text: string }) {
  const id = useId()
  const task = useTask()
  const over = useSignal(false)
  const field = useRef<HTMLInputElement>(null)
  const put = (file: File | undefined) => file && void task.run(async () => {
    take(await upload<Channel>(`${path}/images/${kind}`, await shrunk(file, kind)))
    if (field.current) field.current.value = ''
    return `The ${kind} is shown from now on.`
  })
  const remove = async () => {
    take(await call<Channel>('DELETE', `${path}/images/${kind}`))
    return `The ${kind} is removed.`
  }
  const drop = (e: DragEvent) => {
    e.preventDefault()
    over.value = false
    put(e.dataTransfer?.files[0])
  }
  return (
    <div class={`image ${over.value ? 'is-over' : ''}`} onDragOver={(e) => { e.preventDefault(); over.value = true }} onDragLeave={() => (over.value = false)} onDrop={drop}>
      <span class={`image-shown image-${kind}`}>{now ? <img src={now} alt={`The ${kind} now`} /> : <span class="dim">None yet</span>}</span>
      <div class="image-words">
        <strong>{title}</strong>
        <small id={`${id}-hint`}>{text} PNG, JPEG or WebP; you may drop a file here.</small>
        <div class="row">
          <input ref={field} id={id} class="hidden-words" type="file" accept="image/png,image/jpeg,image/webp" aria-describedby={`${id}-hint`} aria-label={`Choose a ${kind}`} disabled={task.busy.value} onChange={(e) => put(e.currentTarget.files?.[0])} />
          <label class="button ghost" for={id} aria-busy={task.busy.value}>{task.busy.value ? 'One moment' : now ? 'Another one' : 'Choose a file'}</label>
          {now && <Act task={task} word="Remove" label={`Remove the ${kind}`} does={remove} />}
        </div>
        <Outcome task={task} />
      </div>
    </div>
  )
}

/** Sends an image to the API. */
export async function upload<T>(path: string, image: Blob): Promise<T> {
  const response = await fetch(`/api/v1${path}`, {
    method: 'PUT', body: image, headers: { 'Content-Type': 'application/octet-stream' }, credentials: 'same-origin', signal: AbortSignal.timeout(60_000),
  }).catch(() => null)
  if (response === null) throw new Problem(0, sentenceOf(0, null))
  const answer: unknown = await response.json().catch(() => null)
  if (!response.ok) throw new Problem(response.status, sentenceOf(response.status, answer))
  return answer as T
}

function Colours({ path, accent, background }: { path: string; accent: string; background: string }) {
  const task = useTask()
  const chosen = { accent: useSignal(accent), background: useSignal(background) }
  useEffect(() => {
    chosen.accent.value = accent
    chosen.background.value = background
  }, [accent, background])
  const save = async () => {
    take(await call<Channel>('PATCH', path, { accent: chosen.accent.value, background: chosen.background.value }))
    return 'Saved.'
  }
  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches
  const { vars, scheme } = theme(chosen.accent.value, chosen.background.value, dark ? 'dark' : 'light')
  return (
    <div class="colours">
      <div class="colours-chosen">
        <Colour label="Colour of buttons and marks" of={chosen.accent} otherwise="#ffb454" />
        <Colour label="Colour of the page" of={chosen.background} otherwise={dark ? '#0b1416' : '#f2f5f3'} />
        <div class="row"><Act task={task} look="main" word="Save the colours" does={save} /></div>
        <Outcome task={task} />
      </div>
      <div class="sample" style={{ ...vars, colorScheme: scheme || undefined }} role="img" aria-label="A sample of the watch page in these colours">
        <div aria-hidden="true">
          <Badge kind="live">Live</Badge>
          <strong>{channel.value!.title}</strong>
          <p>What is written in a softer colour can still be read: a colour that is too near to the ground is made lighter or darker.</p>
          <span class="button">A button</span>
        </div>
      </div>
    </div>
  )
}

function Colour({ label, of, otherwise }: { label: string; of: Signal<string>; otherwise: string }) {
  const id = useId()
  return (
    <div class="colour">
      <input id={id} type="color" value={of.value || otherwise} onInput={(e) => (of.value = e.currentTarget.value)} />
      <label for={id}>{label}<small>{of.value || 'as usual'}</small></label>
      {of.value !== '' && <button type="button" class="link" aria-label={`${label}: as usual`} onClick={() => (of.value = '')}>As usual</button>}
    </div>
  )
}
