import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { at } from '../origin'
import { noOwn, type Own } from './emotes'
import { hue, isPicture, pieces, withOwn, type Message } from './talk'

/** What a moderator may do with a message. */
export interface Powers {
  remove(m: Message): void
  timeOut(m: Message): void
  ban(m: Message): void
  /** Puts it over the program's pictures; absent for who may not. */
  onScreen?(m: Message): void
}

const clockOf = (at: string): string => {
  const t = new Date(at)
  return Number.isNaN(t.getTime()) ? '' : t.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
}

/** A text with its addresses as links, which lead away without saying where from, and the channel's own emotes as pictures. */
function Text({ said, own }: { said: string; own: Own }) {
  return <bdi class="said-text">{pieces(said).map((p, i) => (p.href ? <a key={i} href={p.href} target="_blank" rel="noopener noreferrer nofollow ugc">{p.text}</a> : <Words key={i} text={p.text} own={own} />))}</bdi>
}

const Words = ({ text, own }: { text: string; own: Own }) => <>{withOwn(text, own).map((p, i) => (p.image ? <img key={i} class="own-emote" src={at(p.image)} alt={p.name} title={p.text} loading="lazy" /> : p.text))}</>

/**
 * What is said, the newest at the end. It stays at the end unless somebody looks back. With powers each message can be
 * moderated: by its button, or with the keys that the button names.
 */
export function Log({ messages, mine, label, own = noOwn, powers }: { messages: Message[]; mine: string; label: string; own?: Own; powers?: Powers }) {
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const missed = useSignal(0)
  const last = useRef('')
  const newest = messages.at(-1)?.id ?? ''
  useLayoutEffect(() => {
    if (newest === last.current) return
    const came = messages.filter((m) => m.id > last.current).length
    last.current = newest
    if (atEnd.current) toEnd()
    else missed.value += came
  }, [newest])
  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight
    missed.value = 0
  }
  const onScroll = () => {
    const b = box.current!
    atEnd.current = b.scrollHeight - b.scrollTop - b.clientHeight < 40
    if (atEnd.current) missed.value = 0
  }
  useEffect(() => {
    const resized = new ResizeObserver(() => atEnd.current && toEnd())
    resized.observe(box.current!)
    return () => resized.disconnect()
  }, [])
  return (
    <div class="log-frame">
      <div ref={box} class="log" role="log" aria-label={label} aria-live={isBusy(messages) ? 'off' : 'polite'} tabIndex={0} onScroll={onScroll} onKeyDown={(e) => walk(e, box.current!)}>
        {messages.length === 0 && <p class="log-empty">Nobody has said anything yet.</p>}
        {messages.map((m) => <Line key={m.id} m={m} mine={m.who === mine} own={own} powers={powers} />)}
      </div>
      {missed.value > 0 && <button type="button" class="log-news" onClick={toEnd}>{missed.value === 1 ? '1 new message' : `${missed.value > 99 ? '99+' : missed.value} new messages`} ↓</button>}
    </div>
  )
}

/** Ten messages within five seconds: nobody wants them read out. */
const isBusy = (messages: Message[]): boolean => messages.length >= 10 && Date.parse(messages.at(-1)!.at) - Date.parse(messages.at(-10)!.at) < 5000

const scrolling: readonly string[] = ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ']

/** Arrow keys go from message to message where there is something to do with them. */
function walk(e: KeyboardEvent, box: HTMLElement): void {
  if (scrolling.includes(e.key) && e.target === box) e.stopPropagation() // scrolls here; the player's keys are for other things
  if (e.key !== 'ArrowUp' && e.key !== 'ArrowDown') return
  const all = [...box.querySelectorAll<HTMLElement>('.said-more')]
  if (all.length === 0) return
  const i = all.indexOf(document.activeElement as HTMLElement)
  const next = i < 0 ? all.length - 1 : Math.min(Math.max(i + (e.key === 'ArrowUp' ? -1 : 1), 0), all.length - 1)
  e.preventDefault()
  e.stopPropagation()
  all[next]!.focus()
}

export const roleNames: Readonly<Record<string, string>> = { owner: 'Owner', producer: 'Producer', moderator: 'Moderator' }

function Line({ m, mine, own, powers }: { m: Message; mine: boolean; own: Own; powers?: Powers | undefined }) {
  const open = useSignal(false)
  const onKeyDown = (e: KeyboardEvent) => {
    if (!powers || e.ctrlKey || e.metaKey || e.altKey) return
    const does = { Delete: powers.remove, Backspace: powers.remove, t: powers.timeOut, b: powers.ban, s: powers.onScreen }[e.key.length === 1 ? e.key.toLowerCase() : e.key]
    if (does) {
      e.preventDefault()
      does(m)
    }
    if (e.key !== 'ArrowUp' && e.key !== 'ArrowDown' && e.key !== 'Tab') e.stopPropagation() // the desk's keys are for other things
  }
  return (
    <div class={`said ${m.role ? 'is-crew' : ''} ${mine ? 'is-mine' : ''}`} data-id={m.id} style={`--hue:${hue(m.who)}`}>
      <p class={isPicture(m.text, own) ? 'is-picture' : ''}>
        <time dateTime={m.at}>{clockOf(m.at)}</time>{' '}
        <bdi class="said-name">{m.name}</bdi>{m.role && <span class="said-role">{roleNames[m.role] ?? m.role}</span>}<span class="said-gap">: </span>
        <Text said={m.text} own={own} />
      </p>
      {powers && (
        <div class="said-acts" onKeyDown={onKeyDown}>
          <button type="button" class="said-more" aria-expanded={open.value} aria-label={`What to do with what ${m.name} said`} title="Delete removes, T times out, B bans" onClick={() => (open.value = !open.value)}>⋯</button>
          {open.value && (
            <>
              <button type="button" onClick={() => powers.remove(m)}>Remove</button>
              <button type="button" onClick={() => powers.timeOut(m)}>Time-out 5 min</button>
              <button type="button" class="is-danger" onClick={() => powers.ban(m)}>Ban</button>
              {powers.onScreen && <button type="button" onClick={() => powers.onScreen!(m)}>On screen</button>}
            </>
          )}
        </div>
      )}
    </div>
  )
}
