import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { categoryName } from './categories'
import { slugOf, type Status } from './channel'
import { dress } from './colours'
import { languageName } from './languages'
import { at } from './origin'
import { Badge, Brand } from './parts'
import { takePass } from './pass'
import { current, Player } from './player/Player'
import { viewers } from './words'
import './styles/base.css'
import './styles/player.css'
import './styles/sheet.css'
import './styles/watch.css'

const slug = slugOf(location.pathname)
takePass(slug)

function Watch() {
  const help = useRef<HTMLDialogElement>(null)
  const embed = useRef<HTMLDialogElement>(null)
  const status = current.value?.status.value ?? null
  const [Report, setReport] = useState<typeof import('./report').Report | null>(null)
  useEffect(() => {
    const wear = () => dress(status?.accent ?? '', status?.background ?? '')
    wear()
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', wear)
    return () => system.removeEventListener('change', wear)
  }, [status?.accent, status?.background])
  const open = status !== null && status.gate === ''
  const [Chat, setChat] = useState<typeof import('./chat/Chat').Chat | null>(null)
  useEffect(() => {
    if (open) void import('./chat/Chat').then((m) => setChat(() => m.Chat), () => {}) // after the player: nobody waits for it
  }, [open])
  const report = () => void import('./report').then((m) => setReport(() => m.Report), () => {})
  return (
    <>
      <a class="skip" href="#about">Skip the player</a>
      <header class="top">
        <Brand />
        <nav>
          <a href="/">Guide</a>
        </nav>
      </header>
      <main class="watch">
        <Player slug={slug} onHelp={() => help.current?.showModal()} />
        <About onEmbed={() => embed.current?.showModal()} onHelp={() => help.current?.showModal()} onReport={report} />
        {open && Chat && <Chat slug={slug} />}
      </main>
      <Help dialog={help} />
      <Embed dialog={embed} />
      {Report && <Report slug={slug} title={status?.title ?? slug} close={() => setReport(null)} />}
    </>
  )
}

function About({ onEmbed, onHelp, onReport }: { onEmbed: () => void; onHelp: () => void; onReport: () => void }) {
  const session = current.value
  const status = session?.status.value ?? null
  const state = session?.state.value ?? 'connecting'
  if (state === 'missing') {
    setTitle('No such channel')
    return <section id="about" class="about" />
  }
  if (state === 'barred' && status?.gate === 'private') {
    setTitle('Private channel')
    return <section id="about" class="about" />
  }
  const title = status?.title ?? ''
  setTitle(title)
  const latency = session?.latency.value ?? null
  const near = state === 'live' || state === 'back'
  return (
    <section id="about" class="about" aria-label="About the channel">
      <div class="about-head">
        <div class="about-line">
          <StateBadge state={state} />
          {status?.state === 'live' && status.viewers > 0 && state !== 'lost' && <span class="fact">{viewers(status.viewers)}</span>}
          {near && latency !== null && latency > -1 && (
            <span class="fact" title="Delay from the camera to this picture">{Math.max(0, latency).toFixed(1)} s behind life</span>
          )}
        </div>
        <div class="about-title">
          {status?.logo && <img class="about-logo" src={at(status.logo)} alt="" />}
          <h1>{title || ' '}</h1>
        </div>
        {status && <Kinds status={status} />}
        {status?.description && <p class="description">{status.description}</p>}
        {status?.notice && <p class="notice">{status.notice}</p>}
        {status?.bucketAway && <p class="notice" role="status">The storage is out of reach. Live goes on; rewinding reaches only the last minutes until it is back.</p>}
      </div>
      <div class="about-tools">
        <button type="button" class="button ghost" onClick={onEmbed}>Embed</button>
        <button type="button" class="button ghost" onClick={onReport}>Report</button>
        <button type="button" class="button ghost" onClick={onHelp}>Keys<kbd aria-hidden="true">?</kbd></button>
      </div>
    </section>
  )
}

/** What it is about: each leads to others like it. */
function Kinds({ status: s }: { status: Status }) {
  const category = categoryName(s.category)
  if (category === '' && s.language === '' && s.tags.length === 0) return null
  return (
    <ul class="kinds" aria-label="What it is about">
      {category !== '' && <li><a href={`/?category=${s.category}`}>{category}</a></li>}
      {s.language !== '' && <li>{languageName(s.language)}</li>}
      {s.tags.map((t) => <li key={t}><a href={`/?search=${encodeURIComponent(t)}`}>#{t}</a></li>)}
    </ul>
  )
}

function StateBadge({ state }: { state: string }) {
  switch (state) {
    case 'live':
    case 'back':
      return <Badge kind="live">Live</Badge>
    case 'behind':
      return <Badge kind="behind">Behind live</Badge>
    case 'off':
      return <Badge kind="off">Off air</Badge>
    case 'never':
      return <Badge kind="off">Not on air yet</Badge>
    case 'lost':
      return <Badge kind="wait">Reconnecting</Badge>
    case 'unplayable':
      return <Badge kind="off">Cannot play</Badge>
    case 'barred':
      return <Badge kind="off">Password</Badge>
    case 'full':
      return <Badge kind="wait">No room</Badge>
    default:
      return <Badge kind="wait">Connecting</Badge>
  }
}

function setTitle(title: string): void {
  const wanted = title ? `${title} · Mayfly` : 'Mayfly'
  if (document.title !== wanted) document.title = wanted
}

type DialogRef = preact.RefObject<HTMLDialogElement | null>

const keys: [string[], string][] = [
  [['Space', 'K'], 'Play or pause'],
  [['←', '→'], 'Back or on by 10 seconds'],
  [['↑', '↓'], 'Louder or quieter'],
  [['M'], 'Sound on or off'],
  [['L'], 'Jump to live'],
  [['F'], 'Full screen'],
  [['?'], 'This list'],
]

function Help({ dialog }: { dialog: DialogRef }) {
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {keys.map(([k, what]) => (
          <div key={what}>
            <dt>{k.map((x) => <kbd key={x}>{x}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog"><button class="button">Close</button></form>
    </dialog>
  )
}

function Embed({ dialog }: { dialog: DialogRef }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const title = (current.value?.status.value?.title ?? slug).replace(/[&"<>]/g, (c) => `&#${c.charCodeAt(0)};`)
  const code = `<iframe src="${location.origin}/${slug}/embed" title="${title}" width="640" height="360" style="border:0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(code)
      if (button.current) button.current.textContent = 'Copied'
    } catch {
      // Not allowed here (plain http): the text is selected, the viewer can copy it.
      if (button.current) button.current.textContent = 'Selected: copy it with Ctrl C'
    }
  }
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="embed-title" onClose={() => button.current && (button.current.textContent = 'Copy')}>
      <h2 id="embed-title">Put the player on your page</h2>
      <textarea ref={field} readOnly rows={7} aria-label="Embed code" value={code} spellcheck={false} />
      <form method="dialog">
        <button ref={button} type="button" class="button" onClick={() => void copy()}>Copy</button>
        <button class="button ghost">Close</button>
      </form>
    </dialog>
  )
}

render(<Watch />, document.getElementById('app')!)
