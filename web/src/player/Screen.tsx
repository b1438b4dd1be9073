import { signal, useSignal, type Signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetched } from '../again'
import { clock, spoken } from '../words'
import { Graphics } from './graphics'
import { actionOf, kindOf } from './keys'

/** The program time that is shown, epoch ms; null while nothing is. What is drawn over the picture goes by it. */
export const airtime: Signal<number | null> = signal(null)

const again = 2000

/** Plays something finished of a channel, such as a recording, from its playlist, with what lay over it; it looks and is used like the live player. */
export function Screen({ slug, url, label, from }: { slug: string; url: string; label: string; from: number }) {
  const video = useRef<HTMLVideoElement>(null)
  const stage = useRef<HTMLDivElement>(null)
  const place = useSignal(0)
  const length = useSignal(0)
  const fault = useSignal('')
  const blocked = useSignal(false)
  const [over, lay] = useState<{ Overlay: typeof import('../graphics/Overlay').Overlay; graphics: Graphics } | null>(null)

  const go = (at: number) => {
    if (video.current) video.current.currentTime = Math.min(Math.max(0, at), Math.max(0, length.value - 0.1))
  }

  useEffect(() => {
    const v = video.current!
    let close = () => {}
    let ended = false
    let timer = 0
    let dateOf = (): number | null => null
    const dateAt = (position: number): number | null => {
      const now = dateOf()
      return now === null ? null : now + (position - v.currentTime) * 1000
    }
    const graphics = new Graphics(slug, v, dateAt, () => Date.now())
    void fetched(() => import('../graphics/Overlay')).then((m) => ended || lay({ Overlay: m.Overlay, graphics }), () => {})
    const start = (at: number) => {
      void fetched(() => import('hls.js/light')).then(({ default: Hls }) => {
        if (ended) return
        if (!Hls.isSupported()) {
          v.src = url
          v.currentTime = at
          dateOf = () => {
            const zero = (v as HTMLVideoElement & { getStartDate?: () => Date }).getStartDate?.().getTime() ?? NaN
            return Number.isNaN(zero) ? null : zero + v.currentTime * 1000
          }
          return
        }
        const hls = new Hls({ enableWorker: false, maxBufferLength: 30, backBufferLength: 60, startPosition: at })
        dateOf = () => hls.playingDate?.getTime() ?? null
        hls.on(Hls.Events.ERROR, (_e, data) => {
          if (!data.fatal) return
          fault.value = 'It does not come at the moment. It goes on by itself.'
          const stood = v.currentTime
          close()
          timer = window.setTimeout(() => start(stood), again)
        })
        hls.on(Hls.Events.FRAG_BUFFERED, () => (fault.value = ''))
        hls.attachMedia(v)
        hls.loadSource(url)
        close = () => hls.destroy()
      }, () => { timer = window.setTimeout(() => start(at), again) })
    }
    start(from)
    const tick = window.setInterval(() => {
      airtime.value = v.readyState >= 2 ? dateOf() : airtime.value
    }, 100)
    const moved = () => {
      place.value = v.currentTime
      length.value = Number.isFinite(v.duration) ? v.duration : 0
    }
    for (const e of ['timeupdate', 'durationchange', 'seeking']) v.addEventListener(e, moved)
    v.addEventListener('canplay', () => void v.play().then(() => (blocked.value = false), () => (blocked.value = v.currentTime === 0 || blocked.value)), { once: true })
    void fetched(() => import('./chrome')).then(() => {
      const controller = stage.current?.querySelector('media-controller') as (HTMLElement & { fullscreenElement: HTMLElement }) | null
      if (controller && stage.current) controller.fullscreenElement = stage.current
    }, () => {})
    return () => {
      ended = true
      window.clearTimeout(timer)
      window.clearInterval(tick)
      close()
      airtime.value = null
    }
  }, [url])

  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (document.querySelector('dialog[open]')) return
      const v = video.current!
      const action = actionOf(e.key, e.ctrlKey || e.metaKey || e.altKey, kindOf(e.composedPath()[0] ?? e.target))
      if (action === null || action === 'live' || action === 'help') return
      e.preventDefault()
      switch (action) {
        case 'toggle': return void (v.paused ? v.play().catch(() => {}) : v.pause())
        case 'back': return go(v.currentTime - 10)
        case 'forward': return go(v.currentTime + 10)
        case 'louder': return void (v.volume = Math.min(1, v.volume + 0.1))
        case 'quieter': return void (v.volume = Math.max(0, v.volume - 0.1))
        case 'mute': return void (v.muted = !v.muted)
        case 'fullscreen': return void (document.fullscreenElement ? document.exitFullscreen() : (stage.current?.requestFullscreen?.() ?? Promise.resolve())).catch(() => {})
      }
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])

  const share = length.value > 0 ? place.value / length.value : 0
  return (
    <div class="stage" ref={stage} data-state="recorded">
      <media-controller nohotkeys noautoseektolive autohide="3">
        <video ref={video} slot="media" playsinline aria-label={label} tabIndex={-1} />
        <div class="controls">
          <div class="scrub" style={`--at:${share}`}>
            <input type="range" min={0} max={Math.max(1, Math.floor(length.value))} step={1} value={Math.floor(place.value)} disabled={length.value === 0}
              aria-label="Position" aria-valuetext={`${spoken(place.value)} of ${spoken(length.value)}`} onInput={(e) => go(Number(e.currentTarget.value))} />
          </div>
          <div class="buttons">
            <media-play-button notooltip />
            <media-mute-button notooltip />
            <media-volume-range />
            <span class="behind">{clock(place.value)} of {clock(length.value)}</span>
            <span class="spring" />
            <media-pip-button notooltip />
            <media-fullscreen-button notooltip />
          </div>
        </div>
      </media-controller>
      {over && <over.Overlay under={over.graphics} />}
      {blocked.value && <button type="button" class="button big" onClick={() => { blocked.value = false; void video.current?.play().catch(() => {}) }}>Tap to play</button>}
      {fault.value !== '' && <p class="toast" role="status">{fault.value}</p>}
    </div>
  )
}
