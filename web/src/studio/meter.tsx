import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Ear } from './ear'
import { Hush, place } from './level'

/** How loud something is: a bar for what the ear makes of it, a line for its peak. It is drawn without the page's help, fifteen times a second. */
export function Meter({ ear, label, quiet }: { ear: () => Ear | null; label: string; quiet?: (silent: boolean) => void }) {
  const bar = useRef<HTMLSpanElement>(null)
  const words = useSignal('')
  useEffect(() => {
    const hush = new Hush()
    let frame = 0
    let drawn = 0
    let said = 0
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
      if (level !== null) quiet?.(hush.hear(level.rms, now / 1000))
      if (now - said > 1000) {
        said = now
        words.value = level === null ? 'not measured' : `${Math.round(level.rms)} dB`
        bar.current?.setAttribute('aria-valuenow', String(level === null ? -60 : Math.round(level.rms)))
      }
    }
    frame = requestAnimationFrame(draw)
    return () => cancelAnimationFrame(frame)
  }, [])
  return <span ref={bar} class="meter" role="meter" aria-label={label} aria-valuemin={-60} aria-valuemax={0} aria-valuenow={-60} aria-valuetext={words.value} title={`${label}: ${words.value}`}><i aria-hidden="true" /></span>
}
