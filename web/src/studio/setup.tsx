import { useSignal } from '@preact/signals'
import { call, Problem } from '../people/api'
import { ask } from '../people/ask'
import { Act, Field, Form, Outcome, useTask, type Read } from '../people/form'
import { Section } from '../people/section'
import { channel, take, type Channel, type Source } from './desk'

const at = (path = '') => `/channels/${encodeURIComponent(channel.value!.slug)}${path}`

/** How encoders are set up: one part for each source. */
export function Setup() {
  const c = channel.value!
  const add = async (read: Read) => {
    take(await call<Channel>('POST', at('/sources'), { name: read('name').trim() }))
    return 'The source is there. Its keys are below.'
  }
  return (
    <Section id="encoders" title="Sources and keys" word="Sources" text="One source for each camera, encoder or programme. In OBS: Settings, Stream, service “Custom”; keyframe interval 1 s or 2 s.">
      <dl class="facts keys-server">
        {serverOf(c) && <div><dt>Server</dt><dd><code>{serverOf(c)}</code></dd></div>}
        <div><dt>Without loss, with mayfly push</dt><dd><code>mayfly push INPUT {location.origin}/push/KEY</code></dd></div>
      </dl>
      <ul class="lines">{(c.sources ?? []).map((s) => <Keys key={s.id} s={s} last={(c.sources ?? []).length === 1} />)}</ul>
      {c.role !== 'moderator' && (
        <Form word="Add a source" look="ghost" does={add} clear>
          <Field name="name" label="Name of a new source" maxLength={120} hint="Such as Balcony, or Church desk." />
        </Form>
      )}
    </Section>
  )
}

/** Where an encoder sends to: with TLS where it is offered. */
export function serverOf(c: Pick<Channel, 'ingest'>, host = location.hostname): string {
  const { rtmp = 0, rtmps = 0 } = c.ingest ?? {}
  if (rtmps > 0) return `rtmps://${host}${rtmps === 443 ? '' : `:${rtmps}`}/live`
  return rtmp > 0 ? `rtmp://${host}${rtmp === 1935 ? '' : `:${rtmp}`}/live` : ''
}

function Keys({ s, last }: { s: Source; last: boolean }) {
  const task = useTask()
  const path = `/sources/${s.id}`
  const rotate = (backup: boolean) => ask({
    title: `A new ${backup ? 'backup key' : 'key'} for ${s.name}?`, danger: true, word: 'Make a new key',
    text: 'The present key stops counting at once: who sends with it is sent away, and has to be set up again.',
    does: async () => {
      take(await call<Channel>('POST', at(`${path}/rotate`), { backup }))
      return 'The key was changed.'
    },
  })
  const remove = () => ask({
    title: `Remove ${s.name}?`, danger: true, word: 'Remove', text: 'Its keys stop counting at once, and who sends with them is sent away. What was on air stays in the recording.',
    does: async () => take(await call<Channel>('DELETE', at(path))),
  })
  const rename = () => ask({
    title: `Rename ${s.name}`, word: 'Rename', text: 'Producers see the name; viewers do not.',
    field: <Field name="name" label="Name" value={s.name} maxLength={120} />,
    does: async (read) => take(await call<Channel>('PATCH', at(path), { name: read('name').trim() })),
  })
  return (
    <li class="source-keys">
      <span class="line-words"><strong>{s.name}</strong><span class="dim">{s.sending ? `comes in at node ${s.sending.node}` : 'not connected'}</span></span>
      {s.streamKey !== undefined && (
        <>
          <div class="row">
            <a class="button ghost" href={`/studio/${channel.value!.slug}/camera?source=${s.id}`} aria-label={`Send this browser’s camera to ${s.name}`}>Send this browser’s camera</a>
            <CameraLink s={s} />
          </div>
          <Key label="Stream key" of={s.name} value={s.streamKey} again={() => rotate(false)} />
          <Key label="Backup key" of={s.name} value={s.backupStreamKey ?? ''} again={() => rotate(true)} />
          <div class="row">
            <Act task={task} word="Rename" label={`Rename ${s.name}`} does={async () => rename()} />
            {!last && <Act task={task} look="danger" word="Remove" label={`Remove ${s.name}`} does={async () => remove()} />}
          </div>
          <Outcome task={task} />
        </>
      )}
    </li>
  )
}

/** A stream key: hidden until it is wanted, because the screen may be on air. */
function Key({ label, of, value, again }: { label: string; of: string; value: string; again: () => void }) {
  const shown = useSignal(false)
  const copied = useSignal('Copy')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value)
      copied.value = 'Copied'
      window.setTimeout(() => (copied.value = 'Copy'), 2000)
    } catch {
      shown.value = true // not allowed here (plain http): it can be marked by hand
    }
  }
  return (
    <div class="key">
      <span class="key-label">{label}</span>
      <code class={shown.value ? 'long' : ''} aria-live="off">{shown.value ? value : '•'.repeat(16)}</code>
      <span class="key-acts">
        <button type="button" class="link" aria-pressed={shown.value} aria-label={`Show ${label.toLowerCase()} of ${of}`} onClick={() => (shown.value = !shown.value)}>{shown.value ? 'Hide' : 'Show'}</button>
        <button type="button" class="link" aria-label={`Copy ${label.toLowerCase()} of ${of}`} onClick={() => void copy()}>{copied.value}</button>
        <button type="button" class="link" aria-label={`New ${label.toLowerCase()} for ${of}`} onClick={again}>New</button>
      </span>
    </div>
  )
}

/** A link for a guest: whoever opens it can send a camera to this source, and nothing else. It is not shown, because the screen may be on air. */
function CameraLink({ s }: { s: Source }) {
  const task = useTask()
  const copy = async () => {
    const link = `${location.origin}/studio/${channel.value!.slug}/camera?source=${s.id}#pass=${s.cameraKey ?? ''}`
    try {
      await navigator.clipboard.writeText(link)
    } catch {
      throw new Problem(0, 'The browser does not let this page copy: open the studio over HTTPS.')
    }
    return 'Copied. Who opens the link can send a camera to this source, until its stream key is new.'
  }
  return <><Act task={task} word="Copy a camera link" label={`Copy a camera link for ${s.name}`} does={copy} /><Outcome task={task} /></>
}
