import { signal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetched } from './again'
import { categoryName } from './categories'
import { slugOf, type Status } from './channel'
import { languageName } from './languages'
import { at } from './origin'
import { Badge, Brand } from './parts'
import { takePass } from './pass'
import { Feed } from './feed'
import { offered, type Offered } from './player/film'
import { FilmPlayer } from './player/FilmPlayer'
import { readOptions } from './player/options'
import { ComingUp } from './player/Coming'
import { current, Player } from './player/Player'
import { Coming } from './watch/Coming'
import { OnDemand } from './watch/OnDemand'
import { viewers } from './words'
import { useDress } from './wear'
import './styles/base.css'
import './styles/player.css'
import './styles/sheet.css'
import './styles/watch.css'

const slug = slugOf(location.pathname)
takePass(slug)
const options = readOptions(location.search, false)

/** Something that the channel offers, if the page is about that; 'unknown' until it is known. */
const item = signal<Offered | null | 'unknown' | 'missing'>(options.item === '' ? null : 'unknown')
/** What is known of the channel where its own player is not on the page. */
const aside = signal<Status | null>(null)
if (options.item !== '') {
  offered(slug).then((all) => {
    item.value = Array.isArray(all) ? (all.find((x) => x.id === options.item) ?? 'missing') : all === 'barred' ? null : 'missing'
  }, () => (item.value = 'missing'))
  new Feed(slug, { status: (s) => (aside.value = s), removed: () => (aside.value = null), link: () => {} })
}

function Watch() {
  const help = useRef<HTMLDialogElement>(null)
  const status = current.value?.status.value ?? aside.value
  const [Recorded, setRecorded] = useState<typeof import('./recorded/list').Recordings | null>(null)
  useEffect(() => void fetched(() => import('./recorded/list')).then((m) => setRecorded(() => m.Recordings), () => {}), [])
  const [Report, setReport] = useState<typeof import('./report').Report | null>(null)
  const [Sheet, setSheet] = useState<typeof import('./watch/EmbedSheet').EmbedSheet | null>(null)
  useDress(status?.accent ?? '', status?.background ?? '')
  const open = status !== null && status.gate === ''
  const [Hear, setHear] = useState<typeof import('./watch/Tell') | null>(null)
  const [Chat, setChat] = useState<typeof import('./chat/Chat').Chat | null>(null)
  useEffect(() => {
    if (!open) return // after the player: nobody waits for them
    void fetched(() => import('./chat/Chat')).then((m) => setChat(() => m.Chat), () => {})
    void fetched(() => import('./watch/Tell')).then(setHear, () => {})
  }, [open])
  const report = () => void fetched(() => import('./report')).then((m) => setReport(() => m.Report), () => {})
  const embed = () => void fetched(() => import('./watch/EmbedSheet')).then((m) => setSheet(() => m.EmbedSheet), () => {})
  const onHelp = () => help.current?.showModal()
  const shown = item.value
  const resting = current.value !== null && (status?.card || current.value.state.value === 'off' || current.value.state.value === 'never')
  const title = shown !== null && typeof shown === 'object' ? shown.title : (status?.title ?? slug)
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
        {shown === null ? <Player slug={slug} options={options} onHelp={onHelp} /> : typeof shown === 'object' ? <FilmPlayer slug={slug} item={shown} options={options} onHelp={onHelp} /> : (
          <div class="stage"><p class="stage-words" role="status">{shown === 'missing' ? 'This is not offered any more.' : ''}</p></div>
        )}
        {Hear && <Hear.Telling slug={slug} status={status} />}
        {Hear && resting && open && <Hear.Tell slug={slug} status={status} />}
        {shown !== null && typeof shown === 'object' ? <AboutItem x={shown} status={status} onEmbed={embed} /> : shown === 'missing' ? <section id="about" class="about"><a class="button" href={`/${slug}`}>To the channel</a></section> : <About onEmbed={embed} onHelp={onHelp} onReport={report} />}
        {Hear && !resting && open && shown === null && <Hear.Tell slug={slug} status={status} aside />}
        {open && shown === null && Chat && <Chat slug={slug} />}
        {open && (
          <div class="shelves">
            <OnDemand slug={slug} playing={shown !== null && typeof shown === 'object' ? shown.id : ''} open={open} />
            {Recorded && <Recorded slug={slug} />}
            <Coming slug={slug} live={status.state === 'live'} />
          </div>
        )}
      </main>
      <Help dialog={help} />
      {Sheet && <Sheet slug={slug} title={title} item={shown !== null && typeof shown === 'object' ? shown.id : ''} accent={status?.accent ?? ''} close={() => setSheet(null)} />}
      {Report && <Report slug={slug} title={status?.title ?? slug} close={() => setReport(null)} />}
    </>
  )
}

/** About something that the channel offers, and the way back to what is on air. */
function AboutItem({ x, status, onEmbed }: { x: Offered; status: Status | null; onEmbed: () => void }) {
  setTitle(x.title)
  const live = status?.state === 'live'
  return (
    <section id="about" class="about" aria-label="About what plays">
      <div class="about-head">
        <div class="about-line"><span class="fact">{x.kind === 'recording' ? 'Recording of ' : ''}{new Date(x.made).toLocaleDateString(undefined, { day: 'numeric', month: 'long', year: 'numeric' })}</span></div>
        <div class="about-title"><h1>{x.title}</h1></div>
        {status !== null && <p><a href={`/${slug}`}>{status.title}</a></p>}
      </div>
      <div class="about-tools">
        <a class={`button ${live ? '' : 'ghost'}`} href={`/${slug}`}>{live ? 'Watch what is on air' : 'To the channel'}</a>
        <button type="button" class="button ghost" onClick={onEmbed}>Embed</button>
      </div>
    </section>
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
  const near = (state === 'live' || state === 'back') && !status?.card
  return (
    <section id="about" class="about" aria-label="About the channel">
      <div class="about-head">
        <div class="about-line">
          <StateBadge state={status?.card && (state === 'live' || state === 'back') ? 'off' : state} />
          {status?.state === 'live' && status.viewers > 0 && state !== 'lost' && <span class="fact">{viewers(status.viewers)}</span>}
          {near && latency !== null && latency > -1 && (
            <span class="fact" title="Delay from the camera to this picture">{Math.max(0, latency).toFixed(1)} s delay</span>
          )}
        </div>
        <div class="about-title">
          {status?.logo && <img class="about-logo" src={at(status.logo)} alt="" />}
          <h1>{title || ' '}</h1>
        </div>
        {status && <Kinds status={status} />}
        {status?.show && <ComingUp show={status.show} remind={status.state === 'live'} />}
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
  [['C'], 'Captions on or off, where there are some'],
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

render(<Watch />, document.getElementById('app')!)
