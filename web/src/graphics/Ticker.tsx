import { useEffect, useRef, useState } from 'preact/hooks'
import type { Moment } from './Graphic'
import type { Content } from './showing'

/** How much of the picture's width goes by in a second, by speed. */
const shares = [0, 0.035, 0.055, 0.08, 0.11, 0.15]

/** How long each item stands where motion is not welcome, in ms. */
const standing = 6000

/** How far a ticker may be from where it belongs before it is put there, in ms. */
const slack = 200

const still = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches

/**
 * Items that run along the lower edge. Where they are follows from the program time, so that all viewers see the same
 * ones; the browser moves them in between.
 */
export function Ticker({ c, from, now }: { c: Content; from: number; now: Moment }) {
  const track = useRef<HTMLDivElement>(null)
  const motion = useRef<Animation | null>(null)
  const [calm] = useState(still)
  const age = Math.max(0, now.date - from)
  const newest = useRef(age)
  newest.current = age
  useEffect(() => {
    const el = track.current
    if (el === null || calm) return
    const lay = () => {
      const run = el.firstElementChild!.getBoundingClientRect().width
      const width = el.parentElement!.getBoundingClientRect().width
      motion.current?.cancel()
      if (run === 0 || width === 0) return
      const way = [{ transform: 'translateX(0)' }, { transform: `translateX(${-run}px)` }]
      motion.current = el.animate(c.back ? way.reverse() : way, { duration: (run / (width * shares[c.speed]!)) * 1000, iterations: Infinity })
      motion.current.currentTime = newest.current
    }
    const size = new ResizeObserver(lay)
    size.observe(el.parentElement!)
    return () => {
      size.disconnect()
      motion.current?.cancel()
    }
  }, [c.speed, c.back, c.lines.join('\n')])
  useEffect(() => {
    const m = motion.current
    if (m === null) return
    if (!now.moves && m.playState === 'running') m.pause()
    else if (now.moves && m.playState === 'paused') m.play()
    if (typeof m.currentTime === 'number' && Math.abs(m.currentTime - age) > slack) m.currentTime = age
  }, [now.moves, Math.floor(age / 500)])
  const items = calm ? [c.lines[Math.floor(age / standing) % c.lines.length]!] : c.lines
  return (
    <div class="g-band">
      {c.title && <p class="g-label" dir="auto">{c.title}</p>}
      <div class="g-run">
        <div class={`g-track ${calm ? 'is-calm' : ''}`} ref={track}>
          <ul class="g-items">{items.map((l, i) => <li key={i} dir="auto">{l}</li>)}</ul>
          {!calm && <ul class="g-items" aria-hidden="true">{items.map((l, i) => <li key={i} dir="auto">{l}</li>)}</ul>}
        </div>
      </div>
    </div>
  )
}
