import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Problem } from '../people/api'
import { at } from '../origin'
import { emotes, withEmotes, type Own } from './emotes'
import { keep, kept, type Room } from './room'
import type { Mode } from './talk'

/** Who writes: somebody who has signed in, or a guest, who is asked for a name once. */
export interface Writer {
  /** Of the account; '' for a guest. */
  account: string
  crew: boolean
  /** The chat stands in a frame, which a sign-in does not reach: the page where it does. */
  page?: string
}

const barring: Partial<Record<Mode, string>> = {
  crew: 'Only moderators write at the moment.',
  closed: 'All are muted at the moment.',
}

/** Where one writes. What cannot be said is explained below it, and stays in the field. */
export function Composer({ room, writer, own, onSaid }: { room: Room; writer: Writer; own: Own; onSaid: (who: string) => void }) {
  const { mode, slow, known } = room.talk.value
  const name = useSignal(writer.account || kept('name'))
  const naming = useSignal(false)
  const why = useSignal('') // the name was refused
  const draft = useSignal('')
  const guest = writer.account === ''
  if (!writer.crew && barring[mode] !== undefined && known) return <p class="chat-closed" role="status">{barring[mode]}</p>
  if (mode === 'members' && guest) {
    return <p class="chat-closed">{writer.page === undefined ? <a class="button" href={signIn()}>Sign in to write</a> : <a class="button" href={writer.page} target="_blank" rel="noopener">Write on the channel’s page</a>}</p>
  }
  if (guest && (name.value === '' || naming.value)) {
    return <NameForm present={name.value} why={why.value} page={writer.page} done={(n) => {
      naming.value = false
      why.value = ''
      if (n === '') return
      name.value = n
      keep('name', n)
    }} />
  }
  return (
    <>
      <Field room={room} name={guest ? name.value : ''} draft={draft.value} own={own} onSaid={onSaid} onName={(reason, text) => {
        why.value = reason
        draft.value = text
        naming.value = true
      }} />
      <p class="chat-as">
        {guest ? <>As <bdi>{name.value}</bdi> · <button type="button" class="plain" onClick={() => (naming.value = true)}>Change</button></> : <>As <bdi>{writer.account}</bdi></>}
        {slow > 0 && !writer.crew && <span> · Slow mode: one message in {slow} s</span>}
      </p>
    </>
  )
}

const signIn = (): string => `/login?next=${encodeURIComponent(location.pathname)}`

function NameForm({ present, why, page, done }: { present: string; why: string; page: string | undefined; done: (name: string) => void }) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (present !== '') field.current?.select()
  }, [])
  return (
    <form class="chat-name" onSubmit={(e) => {
      e.preventDefault()
      const n = field.current!.value.trim()
      if (n.length >= 2) done(n)
    }}>
      {why && <p class="chat-fault" role="alert">{why}</p>}
      <label for="chat-name">Your name in the chat</label>
      <div class="chat-field">
        <input ref={field} id="chat-name" defaultValue={present} minLength={2} maxLength={24} required autocomplete="nickname" placeholder="2 to 24 letters" />
        <button class="button">{present === '' ? 'Join' : 'Save'}</button>
      </div>
      <small>Or {page === undefined ? <a href={signIn()}>sign in</a> : <a href={page} target="_blank" rel="noopener">write with an account</a>}.{present !== '' && <> <button type="button" class="plain" onClick={() => done('')}>Cancel</button></>}</small>
    </form>
  )
}

function Field({ room, name, draft, own, onSaid, onName }: { room: Room; name: string; draft: string; own: Own; onSaid: (who: string) => void; onName: (why: string, text: string) => void }) {
  const field = useRef<HTMLInputElement>(null)
  const fault = useSignal('')
  const note = useSignal('')
  const busy = useSignal(false)
  const picking = useSignal(false)
  const send = async (e: SubmitEvent) => {
    e.preventDefault()
    const input = field.current!
    const text = withEmotes(input.value, own).trim()
    if (text === '' || busy.value) return
    busy.value = true
    fault.value = note.value = ''
    try {
      const m = await room.say(text, name)
      onSaid(m.who)
      if (input.value.trim() === '' || withEmotes(input.value, own).trim() === text) input.value = ''
      picking.value = false
      if (m.held) note.value = 'A moderator looks at your message before others see it.'
    } catch (why) {
      fault.value = why instanceof Problem ? why.message : String(why)
      if (name !== '' && why instanceof Problem && why.status === 422 && /\bname\b/.test(why.message)) return onName(why.message, input.value)
    }
    busy.value = false
    input.focus()
  }
  const put = (sign: string) => {
    const i = field.current!
    i.setRangeText(sign, i.selectionStart ?? i.value.length, i.selectionEnd ?? i.value.length, 'end')
    i.focus()
  }
  return (
    <form class="chat-write" onSubmit={(e) => void send(e)}>
      {picking.value && (
        <div class="emotes" role="group" aria-label="Emotes">
          {Object.entries(own).map(([word, image]) => <button key={word} type="button" aria-label={word} title={`:${word}:`} onClick={() => put(`:${word}:`)}><img class="own-emote" src={at(image)} alt="" loading="lazy" /></button>)}
          {Object.entries(emotes).filter(([word]) => !Object.hasOwn(own, word)).map(([word, sign]) => <button key={word} type="button" aria-label={word} title={`:${word}:`} onClick={() => put(sign)}>{sign}</button>)}
        </div>
      )}
      <div class="chat-field">
        <input ref={field} aria-label={room.name === 'crew' ? 'Say something to the crew' : 'Say something'} defaultValue={draft} placeholder={room.name === 'crew' ? 'To the crew' : 'Say something'} maxLength={400} autocomplete="off" enterkeyhint="send" dir="auto" />
        <button type="button" class="emote-open" aria-label="Emotes" aria-expanded={picking.value} onClick={() => (picking.value = !picking.value)}>😊</button>
        <button class="button" aria-busy={busy.value}>Send</button>
      </div>
      {fault.value && <p class="chat-fault" role="alert">{fault.value}</p>}
      {note.value && <p class="chat-note" role="status">{note.value}</p>}
    </form>
  )
}
