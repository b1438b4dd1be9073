import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { call, Problem, type Session } from '../people/api'
import { Composer, type Writer } from './Composer'
import { reactions } from './emotes'
import { Log, type Powers } from './Log'
import { PollCard } from './PollCard'
import { Rise } from './rise'
import { kept, keep, Room } from './room'
import { putOnScreen } from './screen'
import type { Message } from './talk'
import '../styles/chat.css'

/** The chat of a channel beside its player. Who works on the channel moderates here too. page: where one signs in, if this one is framed. */
export function Chat({ slug, page }: { slug: string; page?: string }) {
  const room = useMemo(() => new Room(slug), [slug])
  const writer = useSignal<Writer>({ account: '', crew: false, ...(page !== undefined && { page }) })
  const role = useSignal('')
  const mine = useSignal(kept(`who-${slug}`))
  const fault = useSignal('')
  useEffect(() => {
    const rise = new Rise()
    room.onReactions = (counts) => rise.show(counts)
    void whoIs(slug).then((w) => {
      writer.value = { ...writer.value, account: w.account, crew: w.role !== '' }
      role.value = w.role
    })
    return () => {
      room.close()
      rise.close()
    }
  }, [room])
  const talk = room.talk.value
  if (talk.mode === 'off' && talk.known) return null
  const said = (who: string) => {
    mine.value = who
    keep(`who-${slug}`, who)
  }
  return (
    <section class="chat" aria-labelledby="chat-title">
      <div class="chat-in">
        <header class="chat-head">
          <h2 id="chat-title">Chat</h2>
          {!room.link.value && <span class="chat-away" role="status">Connecting again</span>}
        </header>
        {talk.poll && <PollCard key={talk.poll.id} poll={talk.poll} room={room} />}
        <Log messages={talk.messages} mine={mine.value} label="Chat" own={room.own.value} {...(writer.value.crew && { powers: powersOf(room, fault, role.value !== 'moderator') })} />
        {fault.value && <p class="chat-fault" role="alert">{fault.value}</p>}
        <Reactions room={room} />
        <Composer key={writer.value.account} room={room} writer={writer.value} own={room.own.value} onSaid={said} />
      </div>
    </section>
  )
}

/** Who is signed in, and what role that person has in the channel. */
async function whoIs(slug: string): Promise<{ account: string; role: string }> {
  try {
    const { me } = await call<Session>('GET', '/session')
    if (me === undefined) return { account: '', role: '' }
    const c = await call<{ role?: string }>('GET', `/channels/${encodeURIComponent(slug)}`)
    return { account: me.name, role: c.role ?? (me.operator ? 'operator' : '') }
  } catch {
    return { account: '', role: '' } // writes as a guest; the server knows better
  }
}

/** How long a time-out lasts, in seconds. */
const timeOut = 5 * 60

/** What a moderator may do in a room; what went wrong is put into fault. */
export function powersOf(room: Room, fault: { value: string }, onScreen: boolean): Powers {
  const task = async (work: Promise<unknown>) => {
    fault.value = ''
    try {
      await work
    } catch (why) {
      fault.value = why instanceof Problem ? why.message : String(why)
    }
  }
  return {
    remove: (m: Message) => void task(room.remove(m.id)),
    timeOut: (m: Message) => void task(room.ban(m.who, timeOut)),
    ban: (m: Message) => void task(room.ban(m.who, 0)),
    ...(onScreen && { onScreen: (m: Message) => void task(putOnScreen(room.slug, m)) }),
  }
}

/** Buttons of what rises over the player. */
function Reactions({ room }: { room: Room }) {
  return (
    <div class="reactions" role="group" aria-label="React">
      {reactions.map(([kind, sign, name]) => (
        <button key={kind} type="button" aria-label={name} title={name} onClick={() => void room.react(kind).catch(() => {})}>{sign}</button>
      ))}
    </div>
  )
}
