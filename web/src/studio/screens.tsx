import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Overlay, type Under } from '../graphics/Overlay'
import type { Log } from '../graphics/showing'
import { Badge } from '../parts'
import { Thumb } from '../thumb'
import { log, rehearsal } from './board'
import { clips, Countdown } from './clips'
import { clipOf } from './cue'
import { channel, chosen, cut, cutting, feedClock, heard, mayCut, onAir, rehearses, sources, type Source } from './desk'
import { Meter } from './meter'
import { Monitor } from './monitor'
import { Listen, listening, SourceSound } from './sound'

/** A moving picture of a playlist, or a word about why there is none. */
export function Picture({ url, word, label, hold, over }: { url: string; word: string; label: string; hold?: (m: Monitor | null) => void; /** What lies over it. */ over?: Log }) {
  const video = useRef<HTMLVideoElement>(null)
  const pictured = useSignal(false)
  const monitor = useRef<Monitor | null>(null)
  const under = useSignal<Under | null>(null)
  useEffect(() => {
    if (over) under.value = { video: video.current!, log: over, dateAt: (position) => monitor.current?.dateAt(position) ?? null, unknown: () => {} }
    const m = new Monitor(video.current!, (there) => (pictured.value = there))
    monitor.current = m
    hold?.(m)
    return () => {
      hold?.(null)
      m.end()
    }
  }, [])
  useEffect(() => monitor.current?.show(url), [url])
  return (
    <div class="picture">
      <video ref={video} muted playsInline aria-label={label} tabIndex={-1} disablePictureInPicture />
      {under.value && <Overlay under={under.value} />}
      {!pictured.value && <span class="picture-word">{url === '' ? word : 'One moment'}</span>}
    </div>
  )
}

/** What is looked at, and what viewers see. */
export function Screens() {
  const look = sources.value.find((s) => s.id === chosen.value)
  const monitor = useRef<Monitor | null>(null)
  const listens = listening.value === 'preview'
  useEffect(() => monitor.current?.listen(listens), [listens])
  const already = look !== undefined && look.id === onAir.value
  return (
    <div class="screens">
      <section class="screen" aria-labelledby="preview">
        <header><h2 id="preview">Preview</h2><span class="dim">{look?.name ?? ''}</span></header>
        <Picture url={look?.sending?.preview ?? ''} word={look ? `${look.name} sends nothing` : 'Choose a source'} label={`Preview of ${look?.name ?? 'nothing'}`} hold={(m) => (monitor.current = m)} />
        <div class="screen-sound"><Meter ear={() => monitor.current?.ear() ?? null} label="Sound of the preview" /><Listen id="preview" of="the preview" /></div>
      </section>
      <div class="take">
        <button type="button" class="button take-button" disabled={!mayCut.value || !look?.sending || already} onClick={() => look && void cut(look.id)}>
          Cut <kbd>Enter</kbd>
        </button>
      </div>
      <Program />
    </div>
  )
}

/** What the studio's picture of the program shows, in program time; null while it shows nothing that viewers see. */
export let programDate = (): number | null => null

/** What viewers see and hear, and with what delay. */
function Program() {
  const c = channel.value!
  const monitor = useRef<Monitor | null>(null)
  const delay = useSignal('')
  const listens = listening.value === 'program'
  useEffect(() => monitor.current?.listen(listens), [listens])
  useEffect(() => {
    const timer = window.setInterval(() => {
      const d = channel.value?.state === 'live' && !rehearses.value ? (monitor.current?.delay(feedClock()) ?? null) : null
      delay.value = d === null ? '' : `${(d + (channel.value?.onAir?.ahead ?? 0)).toFixed(1)} s delay`
    }, 500)
    return () => window.clearInterval(timer)
  }, [])
  const air = sources.value.find((s) => s.id === onAir.value)
  const sound = sources.value.find((s) => s.id === heard.value)
  const words = air ? `${air.name}${sound && sound.id !== air.id ? `, with the sound of ${sound.name}` : channel.value?.onAir?.mute ? ', silent' : ''}` : onAir.value === 'autopilot' ? 'the plan' : clipOf(onAir.value) ? 'a clip' : 'what viewers see'
  return (
    <section class={`screen is-program ${rehearses.value ? 'is-rehearsal' : ''}`} aria-labelledby="program">
      <header><h2 id="program">{rehearses.value ? 'Rehearsal' : 'Program'}</h2><span class="dim">{words}</span><span class="dim behind">{delay.value}</span></header>
      <div class="with-cue">
        <Picture key={String(rehearses.value)} url={rehearses.value ? rehearsed(air) : c.state === 'never' ? '' : `/${c.slug}/index.m3u8`} word={!rehearses.value ? 'Not on air yet' : onAir.value === '' ? 'Cut to a source' : 'No picture'} label={rehearses.value ? 'What viewers would see' : 'What viewers see'} hold={(m) => { monitor.current = m; programDate = () => (rehearses.value ? null : (m?.date() ?? null)) }} over={rehearses.value ? rehearsal : log} />
        <Countdown />
      </div>
      <div class="screen-sound"><Meter ear={() => monitor.current?.ear() ?? null} label="Sound of the program" /><Listen id="program" of="the program" /></div>
    </section>
  )
}

/** The address of what a rehearsal shows. */
function rehearsed(air: Source | undefined): string {
  if (onAir.value === 'autopilot') return `/${channel.value!.slug}/index.m3u8`
  return air?.sending?.preview ?? clips.value.find((c) => c.id === clipOf(onAir.value))?.playlist ?? ''
}

/** All sources side by side. */
export function Sources() {
  return (
    <section aria-labelledby="sources" class="sources">
      <h2 id="sources" class="hidden-words">Sources</h2>
      <ul class="tiles">{sources.value.map((s, i) => <Tile key={s.id} s={s} n={i + 1} />)}</ul>
    </section>
  )
}

/** More sources than this are not all shown moving: each costs the line of the producer as much as a viewer's. */
const mostMoving = 4
const small = window.matchMedia('(max-width: 760px)')

/** What a source sends: moving, or where that costs too much a picture that refreshes. */
function Look({ s, hold }: { s: Source; hold: (m: Monitor | null) => void }) {
  const moving = !small.matches && (sources.value.length <= mostMoving || s.id === chosen.value || s.id === onAir.value || s.id === listening.value)
  if (moving || s.sending === undefined) return <Picture url={s.sending?.preview ?? ''} word="Nothing comes in" label={s.name} hold={hold} />
  return <span class="picture"><span class="picture-word">One moment</span><Thumb url={`/api/v1/channels/${channel.value!.slug}/sources/${s.id}/thumbnail.jpg`} /></span>
}

function Tile({ s, n }: { s: Source; n: number }) {
  const monitor = useRef<Monitor | null>(null)
  const silent = useSignal(false)
  const listens = listening.value === s.id
  useEffect(() => monitor.current?.listen(listens), [listens])
  const air = onAir.value === s.id
  const comes = cutting.value?.source === s.id
  const look = chosen.value === s.id
  const size = s.sending?.width ? `${s.sending.width} × ${s.sending.height}` : ''
  const warnings = [...(s.sending?.warnings ?? []), ...(s.sending && silent.value ? [{ kind: 'silence', text: 'nothing is to be heard: is its microphone on, and turned up?' }] : [])]
  return (
    <li class={`tile ${air ? 'is-air' : ''} ${look ? 'is-looked' : ''}`}>
      <div class="tile-picture">
        <Look s={s} hold={(m) => (monitor.current = m)} />
        <button type="button" class="tile-look" aria-pressed={look} aria-label={`Look at ${s.name}`} onClick={() => (chosen.value = s.id)} onDblClick={() => void cut(s.id)} />
      </div>
      <div class="tile-line">
        {n < 10 && <kbd>{n}</kbd>}
        <span class="tile-words"><strong>{s.name}</strong><small class="dim">{s.sending ? `${size}${s.sending.backup ? ', backup' : ''}` : 'not connected'}</small></span>
        {air ? (rehearses.value ? <Badge kind="wait">Rehearsed</Badge> : <Badge kind="live">On air</Badge>) : (
          <button type="button" class="button ghost tile-cut" disabled={!mayCut.value || !s.sending} aria-busy={comes} aria-label={`Cut to ${s.name}`} onClick={() => void cut(s.id)}>Cut</button>
        )}
      </div>
      <SourceSound s={s} n={n} ear={() => monitor.current?.ear() ?? null} quiet={(q) => (silent.value = q)} />
      {warnings.length > 0 && <div role="status"><ul class="warnings" aria-label={`Warnings about ${s.name}`}>{warnings.map((w) => <li key={w.kind}>{w.text}</li>)}</ul></div>}
    </li>
  )
}
