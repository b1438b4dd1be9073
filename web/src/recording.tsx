import { signal, useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { size } from './library/find'
import { call, Problem } from './people/api'
import { Asker, ask } from './people/ask'
import { Field } from './people/form'
import { Badge, Brand } from './parts'
import { passOf, takePass, withPass } from './pass'
import { Replay } from './chat/Replay'
import { airtime, Screen } from './player/Screen'
import { Cutter } from './recorded/cutter'
import { dayOf, type Recording } from './recorded/list'
import { Marking } from './recorded/marks'
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
const marking = new Marking(() => airtime.value)

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
    if (e instanceof Problem && (e.status === 0 || e.status >= 500)) window.setTimeout(() => void load(), 3000)
  }
}

function Page() {
  useEffect(() => void load(), [])
  const r = recording.value
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
  const crew = r.download !== undefined
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
  const change = async (body: object) => {
    recording.value = { ...(await call<Recording>('PATCH', path, body)) }
  }
  const rename = () => ask({
    title: 'Another title', word: 'Save', text: 'Viewers see it in the list of recordings.', field: <Field name="title" label="Title" value={r.title} maxLength={120} />,
    does: async (read) => change({ title: read('title').trim() }),
  })
  const remove = () => ask({
    title: `Delete ${r.title}?`, danger: true, word: 'Delete', text: 'It cannot be played any more from now on. Clips that were cut out of it stay.',
    does: async () => {
      await call('DELETE', path)
      location.assign(`/${slug}`)
    },
  })
  return (
    <section id="about" class="about" aria-label="About the recording">
      <div class="about-head">
        <div class="about-line">
          <Badge kind="off">{r.state === 'onAir' ? 'Still on air' : 'Recording'}</Badge>
          <span class="fact">{dayOf(r.begin)}</span>
          <span class="fact">{clock(r.duration)}</span>
          {airtime.value !== null && <span class="fact" title="When this was live">{new Date(airtime.value).toLocaleTimeString()}</span>}
        </div>
        <h1>{r.title}</h1>
        {crew && (
          <div class="recorded-crew">
            <p class="dim">{size(r.bytes)}{r.hidden ? '. Only people who work on the channel see it.' : ''}{r.state === 'kept' ? '. It is still being copied together; that changes nothing for viewers.' : ''}</p>
            <Cutter slug={slug} recording={r.id} marking={marking} />
            <div class="row">
              <a class="button ghost" href={r.download ?? ''} download>Download MP4</a>
              <button type="button" class="button ghost" onClick={rename}>Rename</button>
              <button type="button" class="button ghost" onClick={() => void change({ hidden: !r.hidden }).catch((e: unknown) => (trouble.value = String(e)))}>{r.hidden ? 'Show to viewers' : 'Hide from viewers'}</button>
              <button type="button" class="button danger" onClick={remove}>Delete</button>
            </div>
          </div>
        )}
      </div>
      <div class="about-tools">
        <button type="button" class="button ghost" onClick={() => void share()}>Link to this moment</button>
        <p class="done" role="status">{copied.value}</p>
      </div>
    </section>
  )
}

render(<Page />, document.getElementById('app')!)
