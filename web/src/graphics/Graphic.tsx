import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { at } from '../origin'
import { lookVars } from './look'
import type { Content, Seen } from './showing'
import { Ticker } from './Ticker'

/** When a picture is, in program time, and whether it moves. */
export interface Moment {
  /** Epoch ms. */
  date: number
  moves: boolean
}

interface Props {
  c: Content
  /** The graphic came at this program time. */
  from: number
  now: Moment
  leaves?: boolean
  /** It is there without coming. */
  still?: boolean
}

/** One graphic. All of its words are text, whatever they look like. */
export function Graphic({ c, from, now, leaves = false, still = false }: Props) {
  // Who tunes in while it is shown sees it there, not coming.
  const [late] = useState(() => (still ? 10_000 : Math.max(0, now.date - from)))
  const style = { ...lookVars(c.look), '--g-late': `${-Math.round(late)}ms` }
  return (
    <div class={`g g-${c.kind} ${leaves ? 'is-leaving' : ''} ${c.place ? `at-${c.place}` : ''}`} style={style}>
      <Body c={c} from={from} now={now} />
    </div>
  )
}

function Body({ c, from, now }: Props) {
  switch (c.kind) {
    case 'lower-third':
      return (
        <div class="g-strap">
          <p class="g-name" dir="auto">{c.title}</p>
          {c.text && <p class="g-line" dir="auto">{c.text}</p>}
        </div>
      )
    case 'chat':
      return (
        <div class="g-said">
          <p class="g-who" dir="auto">{c.title}</p>
          <p class="g-words" dir="auto">{c.text}</p>
        </div>
      )
    case 'picture':
      return (
        <figure class="g-frame">
          <Picture c={c} now={now} />
          {(c.title || c.text) && <figcaption dir="auto">{c.title && <strong>{c.title}</strong>}{c.text}</figcaption>}
        </figure>
      )
    case 'ticker':
      return <Ticker c={c} from={from} now={now} />
    case 'bug':
      return c.image || (c.logo && !c.title) ? <img class="g-mark" src={at(c.image || c.logo)} alt={c.title} /> : <p class="g-tag" dir="auto">{c.title}</p>
    case 'countdown':
      return (
        <div class="g-clock">
          {c.title && <p dir="auto">{c.title}</p>}
          <p class="g-time" role="timer" aria-live="off">{left(c.to, now.date)}</p>
        </div>
      )
    case 'sting':
      return (
        <>
          <span class="g-blades" aria-hidden="true"><i /><i /><i /></span>
          <div class="g-full">
            <Logo c={c} />
            <p class="g-head" dir="auto">{c.title}</p>
            {c.text && <p class="g-sub" dir="auto">{c.text}</p>}
          </div>
        </>
      )
    case 'heading':
      return (
        <div class="g-full">
          <Logo c={c} />
          <p class="g-head" dir="auto">{c.title}</p>
          {c.text && <p class="g-sub" dir="auto">{c.text}</p>}
        </div>
      )
    case 'coming-up':
      return (
        <div class="g-full">
          <Logo c={c} />
          <p class="g-head" dir="auto">{c.title || 'Coming up'}</p>
          <ul>{c.lines.map((l, i) => <li key={i} style={`--i:${i}`} dir="auto">{l}</li>)}</ul>
        </div>
      )
  }
}

const Logo = ({ c }: { c: Content }) => (c.logo ? <img class="g-logo" src={at(c.logo)} alt="" /> : null)

/** The picture, fetched again every so many seconds of the program, so that all see the same one. The one before stays until the next is there. */
function Picture({ c, now }: { c: Content; now: Moment }) {
  const turn = c.reload > 0 && c.image.includes('/newest/') ? Math.floor(now.date / 1000 / c.reload) : 0
  const wanted = at(c.image) + (turn > 0 ? `?n=${turn}` : '')
  const [src, show] = useState(wanted)
  useEffect(() => {
    if (wanted === src) return
    const img = new Image()
    img.onload = () => show(wanted)
    img.src = wanted
    return () => (img.onload = null)
  }, [wanted])
  return <img src={src} alt={c.text || c.title || 'Picture beside the speaker'} />
}

/** How long it is to a time, as 1:02:03; 0:00 from then on. */
export function left(to: number, date: number): string {
  const s = Math.max(0, Math.ceil((to - date) / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60]
  if (h >= 48) return `${Math.floor(h / 24)} days`
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

/** What a screen reader says when a graphic comes; '' for what is not worth an interruption. */
export function wordsOf(c: Content): string {
  switch (c.kind) {
    case 'ticker':
    case 'bug':
    case 'countdown':
      return ''
    case 'coming-up':
      return [c.title || 'Coming up', ...c.lines].join('. ')
    case 'chat':
      return `${c.title}: ${c.text}`
    default:
      return [c.title, c.text].filter(Boolean).join('. ')
  }
}

/** Several graphics over one picture. */
export function Layers({ seen, now }: { seen: readonly Seen[]; now: Moment }) {
  const said = useRef('')
  const words = seen.filter((s) => !s.leaves).map((s) => wordsOf(s.showing)).filter(Boolean).join('. ')
  const [news, tell] = useState('')
  useLayoutEffect(() => {
    if (words === said.current) return
    said.current = words
    tell(words)
  }, [words])
  return (
    <>
      {seen.map(({ showing: s, leaves, goesOn }) => <Graphic key={`${s.graphic} ${s.kind}`} c={s} from={s.from} now={now} leaves={leaves} still={goesOn} />)}
      <p class="hidden-words" role="status">{news}</p>
    </>
  )
}
