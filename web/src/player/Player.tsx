import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetched } from '../again'
import { stageTheme } from '../colours'
import { at } from '../origin'
import { clock, spoken, viewers } from '../words'
import { Cast } from './cast'
import { expose } from './debug'
import { Enter } from './Enter'
import { actionOf, kindOf, perform } from './keys'
import { playlist } from './engine'
import { captionChoice, copy, Menu, qualityName, type Choice } from './Menu'
import { writeMoment, type Options } from './options'
import { Session } from './session'
import { announce, type State } from './shown'
import { Countdown } from './Coming'
import { Slate, slateOf } from './Slate'
import { SoundButton } from './SoundButton'

/** The session of this page; a page has one player. */
export const current = signal<Session | null>(null)

export function Player({ slug, options, onHelp }: { slug: string; options: Options; onHelp: () => void }) {
  const video = useRef<HTMLVideoElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [Overlay, setOverlay] = useState<typeof import('../graphics/Overlay').Overlay | null>(null)
  const stage = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const session = new Session(slug, video.current!, canvas.current!, options)
    current.value = session
    expose(session)
    // Without its controls the player still plays.
    fetched(() => import('./chrome')).then(
      () => {
        // The stage, not the controller: the slate lies on the stage and must be seen in full screen too.
        const controller = stage.current?.querySelector('media-controller') as (HTMLElement & { fullscreenElement: HTMLElement }) | null
        if (controller && stage.current) controller.fullscreenElement = stage.current
      },
      () => {},
    )
    fetched(() => import('../graphics/Overlay')).then((m) => setOverlay(() => m.Overlay), () => {})
    const onKey = (e: KeyboardEvent) => {
      if (document.querySelector('dialog[open]')) return
      const action = actionOf(e.key, e.ctrlKey || e.metaKey || e.altKey, kindOf(e.composedPath()[0] ?? e.target))
      if (action === null) return
      e.preventDefault()
      perform(action, session, stage.current!, onHelp)
    }
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('keydown', onKey)
      session.close()
      current.value = null
    }
  }, [slug])

  const session = current.value
  const state = session?.state.value ?? 'connecting'
  const held = session?.held.value ?? false
  const status = session?.status.value ?? null
  // Who embeds it wants it to begin when the viewer says so: until then it shows what is on, still.
  const idle = session?.idle.value === true && state === 'connecting'
  const still = status?.state === 'live' && !status.locked ? `/${slug}/thumbnail.jpg` : ''
  const words = idle ? { title: status?.title ?? '', text: '' } : slateOf(state, session?.status.value ?? null, slug)
  const show = state === 'off' || state === 'never' ? (session?.status.value?.show ?? null) : null
  // Over a last picture the words lie quietly; without one the slate fills the stage.
  const quiet = (session?.pictured.value ?? false) && (state === 'connecting' || state === 'lost')

  return (
    <div class="stage" ref={stage} data-state={state} style={stageTheme(options.accent || (session?.status.value?.accent ?? ''))}>
      <media-controller nohotkeys noautoseektolive autohide="3" noautohide={words !== null && !quiet ? '' : undefined}>
        <video ref={video} slot="media" playsinline muted disableRemotePlayback aria-label="Live picture" tabIndex={-1} />
        <canvas ref={canvas} slot="poster" class="held" hidden={!held} />
        {session && options.controls && <Controls session={session} usable={words === null || quiet} />}
      </media-controller>
      {session && Overlay && <Overlay under={session.graphics} />}
      {words && (
        <Slate words={show ? null : words} state={state} quiet={quiet} picture={status?.picture || (idle ? still : '')} logo={session?.status.value?.logo ?? ''}>
          {session && idle && <button type="button" class="button" onClick={() => session.play()}>Play</button>}
          {show && <Countdown show={show} />}
          {session && state === 'barred' && <Enter session={session} />}
          {session && state === 'off' && (session.status.value?.dvrWindow ?? 0) > 0 && (
            <button type="button" class="button" onClick={() => session.goBack(Math.min(600, session.status.value?.dvrWindow ?? 0))}>
              Watch the last minutes
            </button>
          )}
          {(state === 'missing' || state === 'off' || state === 'never' || state === 'full' || (state === 'barred' && session?.status.value?.gate === 'private')) && (
            <a class="button ghost" href={at('/')} target="_top">
              See what is on
            </a>
          )}
        </Slate>
      )}
      {session && (options.title || options.viewers) && state !== 'barred' && words === null && (
        <p class="caption-line">
          {options.title && <b>{session.status.value?.title}</b>}
          {options.viewers && (session.status.value?.viewers ?? 0) > 0 && <span>{viewers(session.status.value!.viewers)}</span>}
        </p>
      )}
      {session && <Invitations session={session} state={state} />}
      <LiveRegion state={state} />
    </div>
  )
}

/** The buttons that lie over the picture: begin to play, sound, back to live. */
function Invitations({ session, state }: { session: Session; state: State }) {
  const watching = state === 'live' || state === 'back' || state === 'behind'
  if (session.blocked.value) {
    return (
      <button type="button" class="button big" onClick={() => session.play()}>
        Tap to play
      </button>
    )
  }
  return (
    <>
      {watching && session.muted.value && !session.paused.value && (
        <SoundButton onTap={() => session.sound(true)} />
      )}
      {session.missed.value && <p class="toast" role="status">That moment is not kept any more: this is the nearest. <button type="button" onClick={() => (session.missed.value = false)}>Close</button></p>}
      {state === 'back' && <p class="toast">Back on air</p>}
    </>
  )
}

function LiveRegion({ state }: { state: State }) {
  const before = useRef<State>('connecting')
  const [said, say] = useState('')
  useEffect(() => {
    const words = announce(before.current, state)
    before.current = state
    if (words) say(words)
  }, [state])
  return (
    <p class="hidden-words" role="status" aria-live="polite">
      {said}
    </p>
  )
}

function Controls({ session, usable }: { session: Session; usable: boolean }) {
  return (
    <div class="controls" hidden={!usable}>
      <Scrubber session={session} />
      <div class="buttons">
        <media-play-button notooltip />
        <media-mute-button notooltip />
        <media-volume-range />
        <LiveButton session={session} />
        <span class="spring" />
        <CastButton session={session} />
        <Settings session={session} />
        <media-pip-button notooltip />
        <media-fullscreen-button notooltip />
      </div>
    </div>
  )
}

/** What there is to choose: nothing is shown that has but one. */
function Settings({ session }: { session: Session }) {
  const { captions } = session
  const qualities = session.qualities.value
  const playing = session.playing.value
  const choices: (Choice<unknown> | null)[] = [
    qualities.length < 2 ? null : {
      name: 'Quality', chosen: session.quality.value, choose: (height: unknown) => session.choose(Number(height)),
      all: [{ value: 0, label: session.quality.value === 0 && playing > 0 ? `Automatic, now ${qualityName(playing)}` : 'Automatic' }, ...qualities.map((q) => ({ value: q.height, label: qualityName(q.height) }))],
    },
    captionChoice(captions.list.value, captions.shown.value, (t) => captions.show(t)) as Choice<unknown> | null,
  ]
  const link = () => {
    const date = session.date
    if (date === null) return 'There is no picture to link to yet'
    return copy(`${location.origin}/${session.slug}?t=${writeMoment({ at: date })}`)
  }
  return <Menu choices={choices.filter((c) => c !== null)} acts={[{ label: 'Copy a link to this moment', act: link }]} />
}

function CastButton({ session }: { session: Session }) {
  const [cast, setCast] = useState<Cast | null>(null)
  useEffect(() => {
    const made = new Cast(() => new URL(playlist(session.slug, 'live'), location.href).href)
    setCast(made)
    return () => made.close()
  }, [session])
  const on = cast?.on.value ?? false
  useEffect(() => {
    if (on) session.video.pause()
  }, [on])
  if (cast === null || !cast.there.value) return null
  return (
    <button type="button" class="icon-button" aria-label={cast.name} aria-pressed={on} onClick={() => cast.prompt()}>
      <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 17.5a3.5 3.5 0 0 1 3.5 3.5M3 13.5a7.5 7.5 0 0 1 7.5 7.5M3 9V5h18v14h-6.5" /></svg>
    </button>
  )
}

function LiveButton({ session }: { session: Session }) {
  const state = session.state.value
  const latency = session.latency.value
  if (state === 'live' || state === 'back') {
    return (
      <span class="at-live" title="Delay from the camera to this picture">
        <i aria-hidden="true" /> Live{latency !== null && latency > -1 && <b>{Math.max(0, latency).toFixed(1)} s</b>}
      </span>
    )
  }
  if (state !== 'behind') return <span class="at-live dim">−−</span>
  return (
    <>
      <button type="button" class="to-live" onClick={() => session.goLive()}>
        <i aria-hidden="true" /> Jump to live
      </button>
      <span class="behind">−{clock(session.behind.value)}</span>
    </>
  )
}

/** The stretch that can be gone back over, measured in seconds behind live. */
function Scrubber({ session }: { session: Session }) {
  // While the viewer drags, the thumb is theirs.
  const [drag, setDrag] = useState<number | null>(null)
  const span = Math.max(session.span.value, 10)
  const behind = drag ?? Math.min(session.behind.value, span)
  const commit = (value: number) => {
    setDrag(null)
    session.goBack(value)
  }
  const shown = behind < 3 ? 0 : behind
  return (
    <div class="scrub" style={`--at:${1 - shown / span}`}>
      <input
        type="range"
        min={-Math.round(span)}
        max={0}
        step={1}
        value={-Math.round(shown)}
        disabled={session.span.value < 4}
        aria-label="Rewind"
        aria-valuetext={shown === 0 ? 'Live' : `${spoken(shown)} behind live`}
        onPointerEnter={() => session.lookBack()}
        onFocus={() => session.lookBack()}
        onInput={(e) => setDrag(-Number(e.currentTarget.value))}
        onChange={(e) => commit(-Number(e.currentTarget.value))}
      />
      {drag !== null && <output class="scrub-time">{drag < 3 ? 'Live' : `−${clock(drag)}`}</output>}
    </div>
  )
}
