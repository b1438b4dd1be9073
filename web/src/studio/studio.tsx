import { useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { Heading } from '../people/form'
import { Frame, Own } from '../people/frame'
import { load } from '../people/whoami'
import { ask } from '../people/ask'
import type { Me } from '../people/api'
import { Badge } from '../parts'
import { kindOf } from '../player/keys'
import { clock, viewers } from '../words'
import { About } from './about'
import { Autopilot } from './autopilot'
import { Audience } from './audience'
import { Clips, playNth, titleOf } from './clips'
import { clipOf } from './cue'
import { Crew } from './crew'
import { Cuts, mark } from './cuts'
import { channel, chosen, cut, cutting, elsewhere, keepSound, link, mayCut, onAir, open, refused, rehearse, sources, trouble } from './desk'
import { Graphics, hideAll, previewNth, toggleNth } from './graphics'
import { Home } from './home'
import { Look } from './look'
import { wishOf, type Wish } from './keys'
import { Screens, Sources } from './screens'
import { Parts } from './parts'
import { goOn, Steps } from './rundown'
import { listenTo, SoundBar } from './sound'
import { Settings } from './settings'
import { Shows } from './shows'
import { Talk } from './talk'
import { Setup } from './setup'
import { Webhooks } from './webhooks'
import '../styles/base.css'
import '../styles/sheet.css'
import '../styles/people.css'
import '../styles/studio.css'
import '../styles/cue.css'

const slug = decodeURIComponent(location.pathname.split('/')[2] ?? '')

function Studio({ me }: { me: Me }) {
  useEffect(() => {
    open(slug)
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])
  const c = channel.value
  if (c === null) return trouble.value ? <><Heading title="No studio here" /><p class="away" role="alert">{trouble.value}</p><p><a href="/studio">Your channels</a></p></> : <p class="loading" role="status">One moment</p>
  if (c.sources === undefined) return <><Heading title={c.title} /><p class="away" role="alert">You have no role in this channel: ask its owner for an invitation.</p><p><a href={`/${c.slug}`}>Watch it</a></p></>
  return (
    <>
      <Air />
      <Parts />
      {c.suspended && <p class="alert" role="alert">An operator of this server has suspended this channel: nobody can watch it or publish to it. The reason: {c.suspended}</p>}
      {!link.value && <p class="away" role="status">The server is out of reach. What is on air goes on; this page goes on by itself in a moment.{elsewhere.value.length > 0 && <> It is also at {elsewhere.value.map((url, i) => <>{i > 0 && ', '}<a key={url} href={url}>{new URL(url).host}</a></>)}.</>}</p>}
      {c.bucketAway && <p class="away" role="status">The storage is out of reach. Cuts work; channels and keys cannot be changed until it is back.</p>}
      {c.notice && <p class="notice" role="status">{c.notice}</p>}
      <Screens />
      <div class="beside">
        <div>
          <Sources />
          <SoundBar />
        </div>
        <Clips />
      </div>
      <p class="dim keys-hint">Keys: <kbd>1</kbd> to <kbd>9</kbd> cut, with <kbd>Shift</kbd> look first, <kbd>Enter</kbd> cuts to the preview. The keys below them, <kbd>Q</kbd> to <kbd>O</kbd>, keep the sound of the same source, with <kbd>Shift</kbd> you listen to it; <kbd>P</kbd> lets each source be heard with its own sound, <kbd>Shift</kbd> <kbd>P</kbd> is for listening to the program. The keys below those, <kbd>A</kbd> to <kbd>L</kbd>, show and hide graphics, with <kbd>Shift</kbd> you look at one first; <kbd>X</kbd> hides all. <kbd>Z</kbd> to <kbd>M</kbd>, without <kbd>X</kbd>, play clips. <kbd>Space</kbd> goes on in the rundown. <kbd>[</kbd> and <kbd>]</kbd> mark a clip in what viewers see.</p>
      <Graphics />
      <Cuts />
      <Steps />
      <Shows />
      <Talk me={me} />
      <Autopilot />
      <Setup />
      <Crew me={me} />
      <About />
      <Look />
      <Audience me={me} />
      <Webhooks me={me} />
      <Settings me={me} />
    </>
  )
}

/** The light: on air or not, for how long, who sees it, and what is about to change. */
function Air() {
  const c = channel.value!
  const now = useSignal(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => (now.value = Date.now()), 250)
    return () => window.clearInterval(timer)
  }, [])
  const live = c.state === 'live'
  const rehearsal = c.rehearsal
  const next = cutting.value
  const target = next && (sources.value.find((s) => s.id === next.source)?.name ?? (clipOf(next.source) ? titleOf(next.source) : 'it'))
  const words = refused.value !== '' || next === null || rehearsal ? '' : `${next.source === '' ? 'Going off air' : `Cutting to ${target}`}: viewers see it in ${Math.max(0, (next.until - now.value) / 1000).toFixed(1)} s`
  const off = () => ask({
    title: 'Take the channel off air?', danger: true, word: 'Off air', text: 'Viewers see that it is off air. A cut puts it on air again.',
    does: async () => cut('off'),
  })
  return (
    <header id="desk" class={`light ${rehearsal ? 'is-rehearsal' : live ? 'is-live' : ''}`}>
      <span class="lamp" aria-hidden="true" />
      <div class="light-words">
        <Heading title={c.title} />
        {rehearsal && <p><strong class="light-state">Rehearsal</strong> <span class="light-time">{clock((now.value - Date.parse(rehearsal.since)) / 1000)}</span> <span class="dim">Only producers see what you cut to.</span></p>}
        <p>{rehearsal && <span class="dim">Viewers see: </span>}<strong class="light-state">{live ? 'On air' : c.state === 'never' ? 'Not on air yet' : 'Off air'}</strong>{live && <span class="light-time"> {clock((now.value - Date.parse(c.since)) / 1000)}</span>} <span class="dim">{c.card ? 'Viewers see the card. ' : ''}{viewers(c.viewers)}</span></p>
      </div>
      <div class="row light-acts">
        {mayCut.value && <a class="button ghost" href={`/studio/${c.slug}/camera`}>Camera</a>}
        <a class="button ghost" href={`/studio/${c.slug}/library`}>Library</a>
        <a class="button ghost" href={`/studio/${c.slug}/figures`}>Figures</a>
        <a class="button ghost" href={`/${c.slug}`} target="_blank" rel="noopener">Watch page</a>
        {mayCut.value && (rehearsal ? <button type="button" class="button" onClick={() => void rehearse(false)}>End the rehearsal</button> : <button type="button" class="button ghost" onClick={() => void rehearse(true)}>Rehearse</button>)}
        {live && !rehearsal && mayCut.value && <button type="button" class="button danger" onClick={off}>Off air</button>}
      </div>
      <p class="light-news" role="status">{words && <Badge kind="wait">{words}</Badge>}</p>
      {refused.value && <p class="alert" role="alert">{refused.value}</p>}
    </header>
  )
}

function press(e: KeyboardEvent): void {
  if (document.querySelector('dialog[open]')) return
  const wish = wishOf(e, kindOf(e.target))
  if (wish === null || e.repeat) return
  e.preventDefault()
  if (typeof wish === 'string') return carryOut(wish)
  const [what, n] = Object.entries(wish)[0] as [string, number]
  if (what === 'clip') return playNth(n)
  if (what === 'graphic') return void toggleNth(n)
  if (what === 'preview') return previewNth(n)
  const target = sources.value[n]?.id
  if (target === undefined) return
  switch (what) {
    case 'look':
      chosen.value = target
      break
    case 'listen':
      listenTo(target)
      break
    case 'sound':
      if (channel.value?.kept?.source !== target) void keepSound(target)
      break
    default:
      if (target !== onAir.value) void cut(target)
  }
}

function carryOut(wish: Extract<Wish, string>): void {
  switch (wish) {
    case 'take':
      if (chosen.value !== '' && chosen.value !== onAir.value) void cut(chosen.value)
      break
    case 'own sound':
      if (channel.value?.kept) void keepSound('')
      break
    case 'listen to program':
      listenTo('program')
      break
    case 'no graphics':
      void hideAll()
      break
    case 'mark in':
    case 'mark out':
      mark(wish)
      break
    case 'next':
      goOn()
  }
}

render(
  <Frame wide>
    <Own path={location.pathname}>{(me) => (slug === '' ? <Home me={me} /> : <Studio me={me} />)}</Own>
  </Frame>,
  document.getElementById('app')!,
)
void load()
