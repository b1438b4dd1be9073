import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Ear } from './ear'
import { clips, Hush, place } from './level'

/** For how long one can see that something was too loud, in ms. */
const clipTime = 2000

/** How loud something is: a bar for what the ear makes of it, a line for its peak, and a word if it clips. It is drawn without the page's help, fifteen times a second. */
export function Meter({ ear, label, quiet }: { ear: () => Ear | null; label: string; quiet?: (silent: boolean) => void }) {
  const bar = useRef<HTMLSpanElement>(null)
  const words = useSignal('')
  const clipped = useSignal(false)
  useEffect(() => {
    const hush = new Hush()
    let frame = 0
    let drawn = 0
    let said = 0
    let clipAt = Number.NEGATIVE_INFINITY
    const draw = (now: number) => {
      frame = requestAnimationFrame(draw)
      if (now - drawn < 66) return
      drawn = now
      const level = ear()?.level(now / 1000) ?? null
      const style = bar.current?.style
      style?.setProperty('--rms', String(level === null ? 0 : place(level.rms)))
      style?.setProperty('--peak', String(level === null ? 0 : place(level.peak)))
      bar.current?.toggleAttribute('data-hot', level !== null && level.peak > -3)
      bar.current?.toggleAttribute('data-off', level === null)
      if (level !== null && clips(level.peak)) clipAt = now
      clipped.value = now - clipAt < clipTime
      if (level !== null) quiet?.(hush.hear(level.rms, now / 1000))
      if (now - said > 1000) {
        said = now
        words.value = level === null ? 'not measured' : `${Math.round(level.rms)} dB${clipped.value ? ', too loud: it clips' : ''}`
        bar.current?.setAttribute('aria-valuenow', String(level === null ? -60 : Math.round(level.rms)))
      }
    }
    frame = requestAnimationFrame(draw)
    return () => cancelAnimationFrame(frame)
  }, [])
  return (
    <span class="metered">
      <span ref={bar} class="meter" role="meter" aria-label={label} aria-valuemin={-60} aria-valuemax={0} aria-valuenow={-60} aria-valuetext={words.value} title={`${label}: ${words.value}`}><i aria-hidden="true" /></span>
      {clipped.value && <b class="clips" aria-hidden="true" title="Too loud: turn its gain down, here or where it comes from">clips</b>}
    </span>
  )
}
