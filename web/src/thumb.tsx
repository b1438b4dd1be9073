import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'

/** How often a picture is asked for again, in ms: nodes and caches keep one about as long. */
const fresh = 10_000

/**
 * A small picture that refreshes while it is looked at. It is nothing for screen readers, which have the words beside it.
 * While there is none, what stands behind it is seen; a new one takes the old one's place when it is whole.
 */
export function Thumb({ url }: { url: string }) {
  const shown = useSignal('')
  const turn = useSignal(0)
  useEffect(() => {
    const timer = window.setInterval(() => document.visibilityState === 'visible' && turn.value++, fresh)
    return () => window.clearInterval(timer)
  }, [])
  useEffect(() => {
    let wanted = true
    const next = new Image()
    next.onload = () => wanted && (shown.value = next.src)
    next.onerror = () => wanted && (shown.value = '')
    next.src = `${url}?${turn.value}`
    return () => {
      wanted = false
    }
  }, [url, turn.value])
  return shown.value === '' ? null : <img class="thumb" src={shown.value} alt="" decoding="async" />
}
