import { signal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { Layers, type Moment } from './Graphic'
import { seenAt, type Log, type Seen } from './showing'
import '../styles/graphics.css'

/** What an overlay needs to know of what it lies over. */
export interface Under {
  video: HTMLVideoElement
  log: Log
  /** The program date at a position of the video, epoch ms. */
  dateAt(position: number): number | null
  /** Another picture is on the screen that the log knows nothing of. */
  unknown(date: number): void
}

/** Calls back with the position of each picture as it is put on the screen, until it is called off. */
export function eachFrame(video: HTMLVideoElement, see: (position: number) => void): () => void {
  let handle = 0
  const told: boolean = 'requestVideoFrameCallback' in video
  if (told) {
    const next: VideoFrameRequestCallback = (_, meta) => {
      handle = video.requestVideoFrameCallback(next)
      see(meta.mediaTime)
    }
    handle = video.requestVideoFrameCallback(next)
    return () => video.cancelVideoFrameCallback(handle)
  }
  const next = () => {
    handle = requestAnimationFrame(next)
    if (video.readyState >= 2) see(video.currentTime)
  }
  handle = requestAnimationFrame(next)
  return () => cancelAnimationFrame(handle)
}

/** How often graphics that change by themselves are drawn anew while nothing else happens, in ms. */
const beat = 250

/** The graphics of a program, each with the picture it belongs to. */
export function Overlay({ under }: { under: Under }) {
  const box = useRef<HTMLDivElement>(null)
  const seen = useMemo(() => signal<Seen[]>([]), [under])
  const now = useMemo(() => signal<Moment>({ date: 0, moves: true }), [under])
  useEffect(() => {
    const { video, log } = under
    let drawn = ''
    let position = -1
    const look = () => {
      const date = position < 0 ? null : under.dateAt(position)
      if (date === null) return // between two engines the last picture stays, and what lies over it
      if (!log.knows(date)) under.unknown(date)
      const all = seenAt(log.all, date)
      const key = all.map((s) => `${s.showing.number}${s.leaves ? '-' : ''}${s.showing.image}`).join(' ')
      const moves = !video.paused && video.readyState > 2
      if (key === drawn && (all.length === 0 || (Math.abs(date - now.value.date) < beat && moves === now.value.moves))) return
      drawn = key
      now.value = { date, moves }
      seen.value = all
    }
    const stop = eachFrame(video, (at) => {
      position = at
      look()
    })
    const timer = window.setInterval(look, beat) // what is heard of while the picture stands still
    return () => {
      stop()
      window.clearInterval(timer)
    }
  }, [under])
  useEffect(() => fit(box.current!, under.video), [under])
  return (
    <div class="graphics" ref={box} role="group" aria-label="Graphics over the picture">
      <Layers seen={seen.value} now={now.value} />
    </div>
  )
}

/** Keeps a box where the picture is within its stage, until it is called off. */
function fit(box: HTMLElement, video: HTMLVideoElement): () => void {
  const stage = box.parentElement!
  const lay = () => {
    const { clientWidth: w, clientHeight: h } = stage
    const ratio = video.videoWidth > 0 ? video.videoWidth / video.videoHeight : 16 / 9
    const width = Math.min(w, h * ratio)
    Object.assign(box.style, { width: `${width}px`, height: `${width / ratio}px`, left: `${(w - width) / 2}px`, top: `${(h - width / ratio) / 2}px` })
  }
  const size = new ResizeObserver(lay)
  size.observe(stage)
  video.addEventListener('resize', lay)
  return () => {
    size.disconnect()
    video.removeEventListener('resize', lay)
  }
}
