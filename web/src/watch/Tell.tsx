import { useEffect, useRef } from 'preact/hooks'
import { signal } from '@preact/signals'
import type { Status } from '../channel'
import { at } from '../origin'

const key = (slug: string) => `mayfly-tell-${slug}`

function kept(slug: string): boolean {
  try {
    return window.localStorage.getItem(key(slug)) === '1'
  } catch {
    return false
  }
}

/** The viewer wants to be told; the words say what became of asking. */
const wanted = signal(false)
const words = signal('')

async function want(slug: string): Promise<void> {
  if (wanted.value) {
    wanted.value = false
    words.value = 'You are not told any more.'
    try {
      window.localStorage.removeItem(key(slug))
    } catch {
      // It counted for this page only.
    }
    return
  }
  if (!('Notification' in window)) {
    words.value = 'This browser tells nothing by itself. Subscribe to the feed instead.'
    return
  }
  if ((await Notification.requestPermission()) !== 'granted') {
    words.value = 'The browser does not let this page tell you. Allow notifications beside its address, or subscribe to the feed.'
    return
  }
  wanted.value = true
  words.value = 'You are told for as long as this page is open, also in the background.'
  try {
    window.localStorage.setItem(key(slug), '1')
  } catch {
    // It counts for this page only.
  }
}

/** Tells the viewer when the channel goes on air, while the page is open somewhere. */
export function useTelling(slug: string, status: Status | null): void {
  const before = useRef('')
  useEffect(() => {
    wanted.value = kept(slug) && 'Notification' in window && Notification.permission === 'granted'
  }, [slug])
  const state = status?.state ?? ''
  useEffect(() => {
    const was = before.current
    before.current = state || was
    if (state !== 'live' || was === '' || was === 'live' || !wanted.value || document.visibilityState === 'visible') return
    try {
      const n = new Notification(`${status!.title} is on air`, { body: status!.description.slice(0, 140), tag: `mayfly-${slug}`, ...(status!.logo !== '' && { icon: at(status!.logo) }) })
      n.onclick = () => {
        window.focus()
        n.close()
      }
    } catch {
      // Some browsers on phones give notifications to service workers alone.
    }
  }, [state])
}

export function Tell({ slug }: { slug: string }) {
  return (
    <div class="tell">
      <button type="button" class="button" aria-pressed={wanted.value} onClick={() => void want(slug)}>{wanted.value ? 'You are told when it is live' : 'Tell me when it is live'}</button>
      <a class="button ghost" href={`/api/v1/channels/${encodeURIComponent(slug)}/feed.rss`}>Feed</a>
      <p role="status">{words.value}</p>
    </div>
  )
}
