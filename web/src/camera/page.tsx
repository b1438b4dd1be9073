import { useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { call, type Me } from '../people/api'
import { Heading, Outcome, useTask } from '../people/form'
import { Frame, Own } from '../people/frame'
import { load } from '../people/whoami'
import { Badge } from '../parts'
import type { Channel } from '../studio/desk'
import {
  bitrate, cameras, choose, cut, dropped, lacks, listen, look, loudness, mic, mics, mirrored, mute, muted, onAir, open, phase, place, quality, send, shown, slug, stop, tally, target, trouble, view,
} from './camera'
import { qualities } from './encoder'
import { most } from './outbox'
import '../styles/base.css'
import '../styles/sheet.css'
import '../styles/people.css'
import '../styles/studio.css'
import '../styles/camera.css'

/** Somebody who came by a link that lets send to one source, without an account. The link's end never goes to a server. */
const pass = new URLSearchParams(location.hash.slice(1)).get('pass') ?? ''
const wanted = new URLSearchParams(location.search).get('source') ?? ''

interface Sources {
  title: string
  sources: { id: string; name: string; key: string }[]
  /** Whether who sends may also cut. */
  cuts: boolean
  /** A source that sends goes on air by itself just now. */
  auto: boolean
}

const channel = async (): Promise<Sources> => {
  const c = await call<Channel>('GET', `/channels/${encodeURIComponent(slug)}`).catch((e: unknown) => {
    if (pass === '') throw e
    return null // a guest may not be somebody who sees the channel; the key counts all the same
  })
  if (pass !== '') return { title: c?.title ?? slug, sources: [{ id: wanted, name: 'Guest', key: pass }], cuts: false, auto: false }
  const sources = (c?.sources ?? []).flatMap((s) => (s.cameraKey ? [{ id: s.id, name: s.name, key: s.cameraKey }] : []))
  return { title: c?.title ?? slug, sources, cuts: true, auto: c?.autoLive === true && c.state !== 'live' }
}

function Camera() {
  const found = useSignal<Sources | null>(null)
  const fault = useSignal('')
  const missing = useSignal('')
  useEffect(() => {
    void lacks().then((w) => (missing.value = w))
    channel().then((c) => {
      found.value = c
      const s = c.sources.find((x) => x.id === wanted) ?? c.sources[0]
      target.value = s ?? null
    }, (e: unknown) => (fault.value = e instanceof Error ? e.message : String(e)))
  }, [])
  const c = found.value
  if (fault.value) return <><Heading title="No camera here" /><p class="away" role="alert">{fault.value}</p><p><a href="/studio">Your channels</a></p></>
  if (c === null) return <p class="loading" role="status">One moment</p>
  if (target.value === null) return <><Heading title={c.title} /><p class="away" role="alert">You may not send to this channel: ask its owner to make you a producer, or for a camera link.</p></>
  return (
    <>
      <Light title={c.title} />
      {missing.value && <p class="away" role="alert">{missing.value}</p>}
      <div class="cam">
        <Preview disabled={missing.value !== ''} />
        <div class="cam-side">
          <Controls c={c} />
          <Facts />
        </div>
      </div>
      {pass === '' && <p class="dim keys-hint"><a href={`/studio/${slug}`}>Back to the studio</a>. This page goes on sending in its own tab: open the studio in another.</p>}
    </>
  )
}

/** Whether viewers see this camera now. */
function Light({ title }: { title: string }) {
  const words = phase.value !== 'sending' ? 'Not sending' : place.value === 'air' ? 'On air' : place.value === 'preview' ? 'In preview' : 'Sending'
  const t = tally.value
  return (
    <header class={`light ${onAir.value ? 'is-live' : ''}`}>
      <span class="lamp" aria-hidden="true" />
      <div class="light-words">
        <Heading title={`Camera for ${title}`} />
        <p role="status"><strong class="light-state">{words}</strong> <span class="dim">{phase.value === 'sending' ? (t?.node ? `at node ${t.node}` : 'looking for a node') : `to ${target.value?.name ?? ''}`}</span></p>
      </div>
      {(trouble.value || t?.trouble) && <p class="alert" role="alert">{trouble.value || t?.trouble}</p>}
    </header>
  )
}

function Preview({ disabled }: { disabled: boolean }) {
  const video = useRef<HTMLVideoElement>(null)
  const task = useTask()
  const track = shown.value
  useEffect(() => {
    if (video.current) video.current.srcObject = track === null ? null : new MediaStream([track])
  }, [track])
  return (
    <section class={`picture cam-picture ${mirrored.value ? 'is-mirrored' : ''}`} aria-label="What you send">
      <video ref={video} muted playsInline autoplay aria-label="Your picture" />
      {phase.value === 'ready' ? (
        <div class="picture-word cam-begin">
          <p>Nothing is sent before you say so.</p>
          <button type="button" class="button" disabled={disabled || task.busy.value} aria-busy={task.busy.value} onClick={() => void task.run(async () => open(video.current!))}>Open camera and microphone</button>
          <Outcome task={task} />
        </div>
      ) : track === null && <span class="picture-word">The camera is off: viewers see black</span>}
    </section>
  )
}

function Controls({ c }: { c: Sources }) {
  const ready = phase.value !== 'ready'
  const sending = phase.value === 'sending'
  const v = view.value
  const pick = (id: string) => void look(id === 'off' || id === 'screen' ? { kind: id } : { kind: 'camera', id })
  return (
    <div class="cam-controls">
      {c.sources.length > 1 && (
        <Choice label="Send to" value={target.value?.id ?? ''} disabled={sending} on={(id) => (target.value = c.sources.find((s) => s.id === id) ?? null)} all={c.sources.map((s) => [s.id, s.name])} />
      )}
      <Choice label="Picture" value={v.kind === 'camera' ? v.id : v.kind} disabled={!ready} on={pick}
        all={[...cameras.value.map((d, i): [string, string] => [d.deviceId, d.label || `Camera ${i + 1}`]), ...('getDisplayMedia' in navigator.mediaDevices ? [['screen', 'A screen or window'] as [string, string]] : []), ['off', 'Camera off']]} />
      <Choice label="Microphone" value={mic.value} disabled={!ready} on={(id) => void listen(id)} all={mics.value.map((d, i) => [d.deviceId, d.label || `Microphone ${i + 1}`])} />
      <Meter />
      <div class="row">
        <button type="button" class="button ghost" disabled={!ready} aria-pressed={muted.value} onClick={() => mute(!muted.value)}>{muted.value ? 'Sound on' : 'Mute'}</button>
        <button type="button" class="button ghost" disabled={!ready} aria-pressed={v.kind === 'off'} onClick={() => pick(v.kind === 'off' ? (cameras.value[0]?.deviceId ?? '') : 'off')}>{v.kind === 'off' ? 'Camera on' : 'Camera off'}</button>
      </div>
      <Choice label="Quality" value={quality.value.name} disabled={!ready} on={(name) => void choose(qualities.find((q) => q.name === name)!)}
        all={qualities.map((q) => [q.name, `${q.name}, ${q.bitrate / 1e6} Mbit/s`])} />
      <div class="row cam-acts">
        {!sending && c.cuts && <button type="button" class="button" disabled={!ready} onClick={() => void send(true)}>Go on air</button>}
        {!sending && <button type="button" class={c.cuts ? 'button ghost' : 'button'} disabled={!ready} onClick={() => void send(false)}>{c.cuts ? 'Into preview' : 'Begin to send'}</button>}
        {sending && c.cuts && place.value !== 'air' && <button type="button" class="button" onClick={() => void cut()}>Go on air</button>}
        {sending && <button type="button" class="button danger" onClick={() => void stop()}>Stop sending</button>}
      </div>
      {!sending && c.auto && <p class="dim">Nothing is on air, and the channel takes the first source that sends: it goes on air also from the preview.</p>}
    </div>
  )
}

function Choice({ label, value, all, on, disabled }: { label: string; value: string; all: [string, string][]; on: (v: string) => void; disabled: boolean }) {
  const id = `choice-${label.toLowerCase().replace(/\W/g, '-')}`
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} disabled={disabled || all.length === 0} onChange={(e) => on(e.currentTarget.value)}>
        {all.map(([v, words]) => <option key={v} value={v}>{words}</option>)}
      </select>
    </div>
  )
}

/** How loud it is: from -60 dB to as loud as can be. */
function Meter() {
  const level = Math.max(0, Math.min(1, (loudness.value + 60) / 60))
  const words = muted.value ? 'muted' : loudness.value < -55 ? 'silent' : loudness.value > -3 ? 'too loud' : 'good'
  return (
    <div class="cam-meter">
      <span class="key-label">Sound</span>
      <span class={`cam-bar ${loudness.value > -3 ? 'is-hot' : ''}`} role="meter" aria-label="Loudness" aria-valuemin={-60} aria-valuemax={0} aria-valuenow={Math.max(-60, Math.round(loudness.value))} aria-valuetext={words}><i style={`transform:scaleX(${level.toFixed(3)})`} /></span>
      <span class="dim cam-meter-word">{words}</span>
    </div>
  )
}

function Facts() {
  const t = tally.value
  if (phase.value !== 'sending') return null
  const behind = (t?.behind ?? 0) / 1000
  return (
    <section class="cam-facts" aria-label="How it goes">
      {behind > 8 && <p class="away" role="status">The line does not keep up, or no node answers: {behind.toFixed(0)} s wait here. They are sent when it goes on; beyond {most} s the oldest are given up.{quality.value !== qualities[0] ? ' A lower quality needs less.' : ''}</p>}
      {(t?.lost ?? 0) > 0 && <p><Badge kind="behind">{t!.lost} {t!.lost === 1 ? 'piece was' : 'pieces were'} given up</Badge></p>}
      <dl class="facts">
        <div><dt>Node</dt><dd>{t?.node || 'none yet'}</dd></div>
        <div><dt>Behind</dt><dd>{behind.toFixed(1)} s</dd></div>
        <div><dt>Waiting</dt><dd>{t?.waiting ?? 0}</dd></div>
        <div><dt>Sent</dt><dd>{(bitrate.value / 1e6).toFixed(1)} Mbit/s</dd></div>
        <div><dt>Left out</dt><dd>{dropped.value} pictures</dd></div>
      </dl>
    </section>
  )
}

render(
  <Frame wide>{pass !== '' ? <Camera /> : <Own path={location.pathname + location.search}>{(_me: Me) => <Camera />}</Own>}</Frame>,
  document.getElementById('app')!,
)
void load()
