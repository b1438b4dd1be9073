import { signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { powersOf } from '../chat/Chat'
import { Composer } from '../chat/Composer'
import type { Own } from '../chat/emotes'
import { Log } from '../chat/Log'
import { PollCard } from '../chat/PollCard'
import { Room } from '../chat/room'
import type { Message, Mode, Poll } from '../chat/talk'
import { call, type Me } from '../people/api'
import { ask } from '../people/ask'
import { Act, Form, Outcome, useTask } from '../people/form'
import { Section } from '../people/section'
import { channel, mayCut } from './desk'
import { Emotes, type Emote } from './emotes'
import '../styles/chat.css'

interface Ban {
  id: string
  name: string
  by: string
  until?: string
}

/** What moderators set. */
interface Rules {
  version: number
  mode: Mode
  slow: number
  holdLinks: boolean
  words: string[]
  bans: Ban[]
  poll?: Poll
  emotes: Emote[]
}

const rules = signal<Rules | null>(null)

/** The version of the rules with which somebody began to change them here: what others do meanwhile leaves the form as it is. */
const edited = signal<number | null>(null)
const viewers = signal<Room | null>(null)
const crew = signal<Room | null>(null)

const at = (path: string) => `/channels/${encodeURIComponent(channel.value!.slug)}/chat${path}`

/** Asks for the rules, or changes them: the answer is the rules as they are then. */
async function rule(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<void> {
  tookRules(await call<Rules>(method, at(path), body))
}

function tookRules(answer: Rules): void {
  if (rules.value === null || answer.version >= rules.value.version) rules.value = answer
}

/** The chat as who works on the channel sees it: what waits, what is said, the own room, a poll, the rules. */
export function Talk({ me }: { me: Me }) {
  const slug = channel.value!.slug
  const fault = useSignal('')
  useEffect(() => {
    const [v, c] = [new Room(slug), new Room(slug, 'crew')]
    viewers.value = v
    crew.value = c
    return () => {
      v.close()
      c.close()
      viewers.value = crew.value = null
    }
  }, [slug])
  // Whoever changes the rules, all are told that they did.
  const told = viewers.value?.talk.value
  const version = told?.version
  useEffect(() => {
    rule('GET', '/rules').catch(() => {}) // asked again with the next change
  }, [version])
  if (viewers.value === null || crew.value === null || told === undefined) return null
  const powers = powersOf(viewers.value, fault, mayCut.value)
  return (
    <Section id="talk" title="Chat" text="What viewers say. In the log, arrow keys go from message to message; Delete removes one, T sends its writer out for 5 minutes, B bans, S puts it on screen.">
      {fault.value && <p class="alert" role="alert">{fault.value}</p>}
      <Held room={viewers.value} held={told.held} />
      <div class="talk-rooms">
        <RoomBox title="Viewers" room={viewers.value} own={viewers.value.own.value} me={me} powers={powers} label="What viewers say" />
        <RoomBox title="Producers’ room" note="Only who works on the channel reads this." room={crew.value} own={viewers.value.own.value} me={me} label="What the crew says" />
      </div>
      <Polls room={viewers.value} poll={told.poll} />
      {rules.value && <RulesForm key={edited.value ?? rules.value.version} r={rules.value} />}
      {rules.value && mayCut.value && <Emotes at={at('/emotes')} all={rules.value.emotes} took={tookRules} />}
      {rules.value && rules.value.bans.length > 0 && <Bans bans={rules.value.bans} />}
    </Section>
  )
}

function RoomBox({ title, note, room, own, me, label, powers }: { title: string; note?: string; room: Room; own: Own; me: Me; label: string; powers?: Parameters<typeof Log>[0]['powers'] }) {
  const mine = useSignal('')
  return (
    <div class="chat-in talk-room">
      <header class="chat-head"><h3>{title}</h3>{!room.link.value && <span class="chat-away" role="status">Connecting again</span>}</header>
      {note && <p class="talk-note">{note}</p>}
      <Log messages={room.talk.value.messages} mine={mine.value} label={label} own={own} {...(powers && { powers })} />
      <Composer room={room} writer={{ account: me.name, crew: true }} own={own} onSaid={(who) => (mine.value = who)} />
    </div>
  )
}

/** Messages that wait: shown to nobody else before a moderator lets them through. */
function Held({ room, held }: { room: Room; held: Message[] }) {
  const task = useTask()
  if (held.length === 0) return <Outcome task={task} />
  return (
    <div class="talk-held" role="region" aria-label="Messages that wait">
      <h3>{held.length === 1 ? '1 message waits' : `${held.length} messages wait`}</h3>
      <ul class="lines">
        {held.map((m) => (
          <li key={m.id}>
            <span class="line-words"><strong><bdi>{m.name}</bdi></strong><bdi>{m.text}</bdi></span>
            <span class="row">
              <Act task={task} look="main" word="Show" label={`Show what ${m.name} wrote`} does={async () => room.release(m.id)} />
              <Act task={task} word="Remove" label={`Remove what ${m.name} wrote`} does={async () => room.remove(m.id)} />
              <Act task={task} look="danger" word="Ban" label={`Ban ${m.name}`} does={async () => { await room.ban(m.who, 0) }} />
            </span>
          </li>
        ))}
      </ul>
      <Outcome task={task} />
    </div>
  )
}

function Polls({ room, poll }: { room: Room; poll: Poll | null }) {
  const task = useTask()
  if (poll !== null) {
    return (
      <div class="talk-poll">
        <PollCard key={poll.id} poll={poll} room={room} acts={
          <div class="row">
            {!poll.ended && <Act task={task} look="main" word="Close the poll" does={() => rule('POST', `/polls/${poll.id}/end`)} />}
            <Act task={task} word="Take it away" does={() => rule('DELETE', `/polls/${poll.id}`)} />
          </div>
        } />
        <Outcome task={task} />
      </div>
    )
  }
  return (
    <details class="more">
      <summary>Ask the viewers: a poll</summary>
      <Form word="Begin the poll" clear does={async (read) => rule('POST', '/polls', { question: read('question'), options: [0, 1, 2, 3, 4, 5].map((i) => read(`option${i}`).trim()).filter((o) => o !== '') })}>
        <div class="field"><label for="poll-question">Question</label><input id="poll-question" name="question" required maxLength={150} /></div>
        {[0, 1, 2, 3, 4, 5].map((i) => (
          <div class="field" key={i}><label for={`poll-${i}`}>Answer {i + 1}{i > 1 && ', if you like'}</label><input id={`poll-${i}`} name={`option${i}`} required={i < 2} maxLength={60} /></div>
        ))}
      </Form>
    </details>
  )
}

const modes: readonly (readonly [mode: Mode, words: string])[] = [
  ['open', 'Everybody, with a nickname or an account'],
  ['members', 'Who has signed in'],
  ['crew', 'Moderators only'],
  ['closed', 'Nobody: all viewers are muted'],
  ['off', 'There is no chat'],
]

const slows: readonly (readonly [seconds: number, words: string])[] = [[0, 'Off'], [5, '5 s'], [10, '10 s'], [30, '30 s'], [60, '1 min'], [300, '5 min']]

/** Two switches that are needed at once, and the rest. */
function RulesForm({ r }: { r: Rules }) {
  const task = useTask()
  const muted = r.mode === 'closed'
  const speeds = slows.some(([s]) => s === r.slow) ? slows : [...slows, [r.slow, `${r.slow} s`] as const]
  const clear = () => ask({
    title: 'Remove all messages?', danger: true, word: 'Remove them', text: 'What the viewers’ room shows now goes for everybody, and from what is kept.',
    does: () => viewers.value!.clear(),
  })
  return (
    <>
      <div class="row">
        <Act task={task} look={muted ? 'main' : 'danger'} word={muted ? 'Let viewers write again' : 'Mute all'} does={() => rule('PATCH', '/rules', { mode: muted ? 'open' : 'closed' })} />
        <Act task={task} word={r.slow > 0 ? 'Slow mode off' : 'Slow mode'} does={() => rule('PATCH', '/rules', { slow: r.slow > 0 ? 0 : 30 })} />
        <button type="button" class="button ghost" onClick={clear}>Clear the room</button>
      </div>
      <Outcome task={task} />
      <details class="more" open={edited.value !== null} onToggle={(e) => (edited.value = e.currentTarget.open ? (edited.value ?? r.version) : null)}>
        <summary>Rules of the chat</summary>
        <Form word="Save the rules" does={async (read) => {
          await rule('PATCH', '/rules', { mode: read('mode'), slow: Number(read('slow')), holdLinks: read('links') !== '', words: read('words').split(/[\n,]/).map((w) => w.trim()).filter((w) => w !== '') })
          return 'The rules count from now on.'
        }}>
          <div class="field"><label for="chat-mode">Who may write</label><select id="chat-mode" name="mode">{modes.map(([m, words]) => <option key={m} value={m} selected={m === r.mode}>{words}</option>)}</select></div>
          <div class="field"><label for="chat-slow">Time between two messages of one viewer</label><select id="chat-slow" name="slow">{speeds.map(([s, words]) => <option key={s} value={s} selected={s === r.slow}>{words}</option>)}</select></div>
          <label class="check"><input type="checkbox" name="links" value="1" defaultChecked={r.holdLinks} /><span>Messages with links wait for a moderator</span></label>
          <div class="field"><label for="chat-words">Word list</label><textarea id="chat-words" name="words" rows={4} defaultValue={r.words.join('\n')} /><small>One on each line. Messages with one of them wait for a moderator.</small></div>
        </Form>
      </details>
    </>
  )
}

function Bans({ bans }: { bans: Ban[] }) {
  const task = useTask()
  return (
    <details class="more">
      <summary>{bans.length === 1 ? '1 person is kept out' : `${bans.length} people are kept out`}</summary>
      <ul class="lines">
        {bans.map((b) => (
          <li key={b.id}>
            <span class="line-words"><strong><bdi>{b.name}</bdi></strong><span class="dim">{b.until ? `until ${new Date(b.until).toLocaleString()}` : 'until you let them in'}, by {b.by}</span></span>
            <Act task={task} word="Let in" label={`Let ${b.name} in`} does={() => rule('DELETE', `/bans/${b.id}`)} />
          </li>
        ))}
      </ul>
      <Outcome task={task} />
    </details>
  )
}
