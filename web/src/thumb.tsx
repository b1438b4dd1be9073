import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** How often a picture is asked for again, in ms: nodes and caches keep one about as long. */
const fresh = 10_000

/**
 * A small picture that refreshes while it is looked at. It is nothing for screen readers, which have the words beside it.
 * While there is none, what stands behind it is seen; a new one takes the old one's place when it is whole.
 */
export function Thumb({ url }: { url: string }) {
  const shown = useSignal('')
  const turn = useSignal(0)
  const place = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    // Of hundreds of channels only those are asked for that are on the screen, or nearly.
    let seen = false
    const look = () => seen && document.visibilityState === 'visible' && turn.value++
    const watcher = new IntersectionObserver(([e]) => {
      seen = e?.isIntersecting === true
      if (turn.value === 0) look()
    }, { rootMargin: '200px' })
    watcher.observe(place.current!)
    const timer = window.setInterval(look, fresh)
    return () => {
      watcher.disconnect()
      window.clearInterval(timer)
    }
  }, [])
  useEffect(() => {
    if (turn.value === 0) return
    let wanted = true
    const next = new Image()
    next.onload = () => wanted && (shown.value = next.src)
    next.onerror = () => wanted && (shown.value = '')
    next.src = `${url}?${turn.value}`
    return () => {
      wanted = false
    }
  }, [url, turn.value])
  return <span ref={place} class="thumb">{shown.value !== '' && <img src={shown.value} alt="" decoding="async" />}</span>
}
