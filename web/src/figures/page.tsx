import { useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { call, Problem } from '../people/api'
import { Heading } from '../people/form'
import { Frame, Own } from '../people/frame'
import { moment } from '../people/words'
import { load } from '../people/whoami'
import { compact } from '../words'
import { Chart } from './chart'
import { countryWord, deviceWord, hours, series, size, type Figures, type Kind } from './words'
import '../styles/base.css'
import '../styles/sheet.css'
import '../styles/people.css'
import '../styles/figures.css'

const slug = decodeURIComponent(location.pathname.split('/')[2] ?? '')
const day = 86_400_000
const times = [['1', 'Day', day], ['7', 'Week', 7 * day], ['30', 'Month', 30 * day]] as const
const refresh = 60_000

function Page() {
  const over = useSignal<number>(day)
  const read = useSignal<{ figures: Figures; from: number; to: number } | null>(null)
  const title = useSignal(slug)
  const fault = useSignal('')
  const look = async () => {
    const to = Date.now()
    const from = to - over.value
    try {
      const figures = await call<Figures>('GET', `/channels/${encodeURIComponent(slug)}/figures?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`)
      if (to - from === over.value) read.value = { figures, from: from / 1000, to: to / 1000 }
      fault.value = ''
    } catch (e) {
      fault.value = e instanceof Problem ? e.message : String(e)
    }
  }
  useEffect(() => {
    void call<{ title: string }>('GET', `/channels/${encodeURIComponent(slug)}`).then((c) => (title.value = c.title), () => undefined)
  }, [])
  useEffect(() => {
    void look()
    const timer = window.setInterval(() => document.visibilityState === 'visible' && void look(), refresh)
    return () => window.clearInterval(timer)
  }, [over.value])
  return (
    <>
      <Heading title={`Figures of ${title.value}`} />
      <p class="dim">What viewers did, counted without knowing who they are. Nodes write it down every five minutes; it is kept for 100 days.</p>
      <div class="row figures-head">
        <div class="times" role="group" aria-label="Time">
          {times.map(([id, word, ms]) => <button key={id} type="button" class="chip" aria-pressed={over.value === ms} onClick={() => (over.value = ms)}>{word}</button>)}
        </div>
        <a class="button ghost" href={`/api/v1/channels/${encodeURIComponent(slug)}/figures.csv${read.value ? `?from=${new Date(read.value.from * 1000).toISOString()}&to=${new Date(read.value.to * 1000).toISOString()}` : ''}`} download>Download as CSV</a>
        <a class="button ghost" href={`/studio/${encodeURIComponent(slug)}`}>Studio</a>
      </div>
      {fault.value !== '' && <p class="alert" role="alert">{fault.value}</p>}
      {read.value === null ? fault.value === '' && <p class="loading" role="status">One moment</p> : <Shown {...read.value} />}
    </>
  )
}

function Shown({ figures: f, from, to }: { figures: Figures; from: number; to: number }) {
  const t = f.total
  if (f.spans.length === 0) return <p class="empty">Nobody watched in this time.</p>
  const [x, viewers] = series(f.spans, (s) => s.most, from, to)
  const [, stalls] = series(f.spans, (s) => (s.watched > 0 ? s.stalls / s.watched : 0), from, to)
  const [, latency] = series(f.spans, (s) => s.latency ?? null, from, to, null)
  const [, messages] = series(f.spans, (s) => s.messages, from, to)
  const perHour = t.watched > 0 ? t.stalls / t.watched : 0
  const tiles = [
    ['Most at once', compact(t.most)], ['Came', compact(t.views)], ['Watched', hours(t.watched)],
    ['Stalls in an hour', perHour.toFixed(perHour < 10 ? 1 : 0)], ['Delay', t.latency ? `${t.latency.toFixed(1)} s` : 'not said'], ['Sent', size(t.bytes)],
  ]
  return (
    <>
      <dl class="tiles">{tiles.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <Chart x={x} y={viewers} label="Viewers at once" words={`at most ${t.most}`} format={(v) => compact(Math.round(v))} least={1} />
      <div class="figures-pair">
        <Chart x={x} y={stalls} label="Stalls in an hour of watching" words={`${perHour.toFixed(1)} on average`} format={(v) => v.toFixed(v < 10 ? 1 : 0)} least={0.1} />
        {t.latency !== undefined && t.latency > 0 && <Chart x={x} y={latency} label="Delay in seconds" words={`${t.latency.toFixed(1)} on average`} format={(v) => v.toFixed(1)} least={0.1} />}
        {t.messages > 0 && <Chart x={x} y={messages} label="Chat messages" words={`${t.messages} in all`} format={(v) => compact(Math.round(v))} least={1} />}
      </div>
      <div class="figures-kinds">
        <Kinds title="Devices" kinds={f.devices} word={deviceWord} />
        <Kinds title="Came from" kinds={f.referrers} word={(name) => (name === 'other' ? 'Others' : name)} none="Nobody came from another site." />
        <Kinds title="Countries" kinds={f.countries} word={countryWord} none="This server is not told where viewers are." />
      </div>
      <details class="more">
        <summary>As a table</summary>
        <div class="table" tabIndex={0} role="region" aria-label="Figures as a table">
          <table>
            <thead><tr><th scope="col">From</th><th scope="col">Viewers</th><th scope="col">Most</th><th scope="col">Came</th><th scope="col">Watched</th><th scope="col">Stalls</th><th scope="col">Delay</th></tr></thead>
            <tbody>
              {f.spans.map((s) => (
                <tr key={s.start}><th scope="row">{moment(s.start)}</th><td>{s.viewers.toFixed(1)}</td><td>{s.most}</td><td>{s.views}</td><td>{hours(s.watched)}</td><td>{s.stalls}</td><td>{s.latency ? `${s.latency.toFixed(1)} s` : ''}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  )
}

/** Parts of the audience, by how long they watched. */
function Kinds({ title, kinds, word, none }: { title: string; kinds: Kind[]; word: (name: string) => string; none?: string }) {
  const sum = kinds.reduce((n, k) => n + k.watched, 0)
  return (
    <section class="kinds" aria-label={title}>
      <h2>{title}</h2>
      {kinds.length === 0 && <p class="dim">{none ?? 'Nothing yet.'}</p>}
      <ul>
        {kinds.slice(0, 10).map((k) => (
          <li key={k.name}>
            <span class="long">{word(k.name)}</span><span class="dim">{Math.round((k.watched / (sum || 1)) * 100)} %</span>
            <i aria-hidden="true" style={`inline-size: ${(k.watched / (sum || 1)) * 100}%`} />
          </li>
        ))}
      </ul>
    </section>
  )
}

render(<Frame wide><Own path={location.pathname}>{() => <Page />}</Own></Frame>, document.getElementById('app')!)
void load()
