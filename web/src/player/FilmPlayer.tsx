import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { fetched } from '../again'
import { at } from '../origin'
import { clock, spoken } from '../words'
import { Film, type Offered } from './film'
import { actionOf, kindOf } from './keys'
import { captionChoice, copy, Menu, type Choice } from './Menu'
import { writeMoment, type Options } from './options'
import { SoundButton } from './SoundButton'

/** The film of this page, if it shows one. */
export const film = signal<Film | null>(null)

/** Plays something that a channel offers, from its beginning or from a moment. */
export function FilmPlayer({ slug, item, options, onHelp }: { slug: string; item: Offered; options: Options; onHelp: () => void }) {
  const video = useRef<HTMLVideoElement>(null)
  const stage = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const made = new Film(slug, item, video.current!, options)
    film.value = made
    fetched(() => import('./chrome')).then(() => {
      const controller = stage.current?.querySelector('media-controller') as (HTMLElement & { fullscreenElement: HTMLElement }) | null
      if (controller && stage.current) controller.fullscreenElement = stage.current
    }, () => {})
    const onKey = (e: KeyboardEvent) => {
      if (document.querySelector('dialog[open]')) return
      const action = actionOf(e.key, e.ctrlKey || e.metaKey || e.altKey, kindOf(e.composedPath()[0] ?? e.target))
      if (action === null || action === 'live') return
      e.preventDefault()
      const v = made.video
      if (action === 'toggle') made.toggle()
      else if (action === 'back' || action === 'forward') made.seek(v.currentTime + (action === 'back' ? -10 : 10))
      else if (action === 'louder' || action === 'quieter') v.volume = Math.min(1, Math.max(0, v.volume + (action === 'louder' ? 0.1 : -0.1)))
      else if (action === 'mute') made.sound(v.muted)
      else if (action === 'captions') made.captions.toggle()
      else if (action === 'help') onHelp()
      else if (document.fullscreenElement) void document.exitFullscreen().catch(() => {})
      else void stage.current?.requestFullscreen?.().catch(() => {})
    }
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('keydown', onKey)
      made.close()
      film.value = null
    }
  }, [slug, item.id])
  const f = film.value
  return (
    <div class="stage" ref={stage} data-state="film">
      <media-controller nohotkeys autohide="3">
        <video ref={video} slot="media" playsinline muted disableRemotePlayback poster={item.poster === '' ? undefined : at(item.poster)} aria-label={item.title} tabIndex={-1} />
        {f && options.controls && <Controls f={f} />}
      </media-controller>
      {f && (f.blocked.value || (f.paused.value && f.time.value === 0 && !options.autoplay)) && f.fault.value === '' && <button type="button" class="button big" onClick={() => f.play()}>Tap to play</button>}
      {f && f.muted.value && !f.paused.value && <SoundButton onTap={() => f.sound(true)} />}
      {f && f.fault.value !== '' && <p class="toast" role="alert">{f.fault.value}</p>}
    </div>
  )
}

function Controls({ f }: { f: Film }) {
  const length = f.item.duration || f.video.duration || 0
  const choices = [captionChoice(f.captions.list.value, f.captions.shown.value, (t) => f.captions.show(t))].filter((c) => c !== null) as Choice<unknown>[]
  const link = () => copy(`${location.origin}/${f.slug}?play=${f.item.id}&t=${writeMoment({ into: f.video.currentTime })}`)
  return (
    <div class="controls">
      <div class="scrub" style={`--at:${length > 0 ? f.time.value / length : 0}`}>
        <input type="range" min={0} max={Math.max(1, Math.floor(length))} step={1} value={Math.floor(f.time.value)} aria-label="Where it plays"
          aria-valuetext={`${spoken(f.time.value)} of ${spoken(length)}`} onInput={(e) => f.seek(Number(e.currentTarget.value))} />
      </div>
      <div class="buttons">
        <media-play-button notooltip />
        <media-mute-button notooltip />
        <media-volume-range />
        <span class="at-live"><b>{clock(f.time.value)} / {clock(length)}</b></span>
        <span class="spring" />
        <Menu choices={choices} acts={[{ label: 'Copy a link to this moment', act: link }]} />
        <media-pip-button notooltip />
        <media-fullscreen-button notooltip />
      </div>
    </div>
  )
}
