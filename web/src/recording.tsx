import { signal, useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { call, Problem } from './people/api'
import { Asker } from './people/ask'
import { Badge, Brand } from './parts'
import { passOf, takePass, withPass } from './pass'
import { Replay } from './chat/Replay'
import { airtime, Screen } from './player/Screen'
import { Crew } from './recorded/crew'
import { dayOf, type Recording } from './recorded/list'
import { clock } from './words'
import './styles/base.css'
import './styles/player.css'
import './styles/sheet.css'
import './styles/people.css'
import './styles/watch.css'
import './styles/recorded.css'

const [, slug = '', , id = ''] = location.pathname.split('/').map(decodeURIComponent)
takePass(slug)

const path = `/channels/${encodeURIComponent(slug)}/recordings/${encodeURIComponent(id)}`
const recording = signal<Recording | null>(null)
const trouble = signal('')

/** Where to begin, in seconds: ?t= as a number, or as 1h2m3s. */
function wished(): number {
  const t = new URLSearchParams(location.search).get('t') ?? ''
  const m = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(t)
  return m === null || t === '' ? 0 : Number(m[1] ?? 0) * 3600 + Number(m[2] ?? 0) * 60 + Number(m[3] ?? 0)
}

async function load(): Promise<void> {
  try {
    const r = await call<Recording>('GET', withPass(path, slug))
    recording.value = r
    trouble.value = ''
  } catch (e) {
    trouble.value = e instanceof Problem ? (e.status === 404 ? 'This recording is not there. It may have been deleted.' : e.message) : String(e)
    if (recording.value === null && e instanceof Problem && (e.status === 0 || e.status >= 500)) window.setTimeout(() => void load(), 3000)
  }
}

/** Only people who work on the channel are told how to get it. */
const isCrew = (r: Recording) => r.download !== undefined || r.export !== undefined

/** How soon what people who work on the channel see may be another, in ms; 0: not by itself. */
const changesIn = (r: Recording | null) => (r === null || !isCrew(r) ? 0 : r.export?.state === 'making' ? 2000 : r.state === 'whole' ? 0 : 10_000)

function Page() {
  useEffect(() => void load(), [])
  const r = recording.value
  const every = changesIn(r)
  useEffect(() => {
    if (every === 0) return
    const timer = window.setInterval(() => document.visibilityState === 'visible' && void load(), every)
    return () => window.clearInterval(timer)
  }, [every])
  useEffect(() => {
    document.title = r === null ? 'Recording · Mayfly' : `${r.title} · Mayfly`
  }, [r?.title])
  return (
    <>
      <a class="skip" href="#about">Skip the player</a>
      <header class="top"><Brand /><nav><a href={`/${slug}`}>Live</a> <a href="/">Guide</a></nav></header>
      <main class="watch">
        {r === null ? <Empty /> : <Screen slug={slug} url={withPass(r.playlist.split('?')[0]!, slug)} label={r.title} from={wished()} />}
        {r !== null && <About r={r} />}
        {r !== null && isCrew(r) && <Crew slug={slug} r={r} take={(now) => (recording.value = now)} />}
        {r !== null && <Replay slug={slug} time={airtime} />}
      </main>
      <Asker />
    </>
  )
}

function Empty() {
  return (
    <div class="stage" data-state="missing">
      <div class="slate"><div class="slate-words">
        <p class="slate-title" role="status">{trouble.value === '' ? 'One moment' : 'Nothing to play'}</p>
        {trouble.value !== '' && <p class="slate-text">{trouble.value}</p>}
        {trouble.value !== '' && <a class="button" href={`/${slug}`}>To the channel</a>}
      </div></div>
    </div>
  )
}

function About({ r }: { r: Recording }) {
  const copied = useSignal('')
  const share = async () => {
    const at = Math.floor(document.querySelector('video')?.currentTime ?? 0)
    const link = `${location.origin}${location.pathname}${at > 0 ? `?t=${at}s` : ''}${passOf(slug) !== '' ? `#pass=${passOf(slug)}` : ''}`
    try {
      await navigator.clipboard.writeText(link)
      copied.value = 'Copied'
    } catch {
      history.replaceState(history.state, '', link)
      copied.value = 'It is the address of this page now'
    }
  }
  return (
    <section id="about" class="about" aria-label="About the recording">
      <div class="about-head">
        <div class="about-line">
          <Badge kind="off">{r.state === 'onAir' ? 'Still on air' : 'Recording'}</Badge>
          <span class="fact">{dayOf(r.begin)}</span>
          <span class="fact">{clock(r.duration)} long</span>
          {airtime.value !== null && <span class="fact">This was live at {new Date(airtime.value).toLocaleTimeString()}</span>}
        </div>
        <h1>{r.title}</h1>
      </div>
      <div class="about-tools">
        <button type="button" class="button ghost" onClick={() => void share()}>Link to this moment</button>
        <p class="done" role="status">{copied.value}</p>
      </div>
    </section>
  )
}

render(<Page />, document.getElementById('app')!)
