import { useEffect, useRef } from 'preact/hooks'
import { signal } from '@preact/signals'
import type { Status } from '../channel'
import { at } from '../origin'
import { Problem } from '../people/api'
import { withPass } from '../pass'
import { canPush, isSubscribed, subscribe, unsubscribe } from './subscription'

/**
 * How this browser can be told: pushed, also when no page is open; by an open page, where it has no push service; not at
 * all; or it is forbidden here.
 */
type Way = 'unknown' | 'push' | 'page' | 'none' | 'denied'

const way = signal<Way>('unknown')
const on = signal(false)
const busy = signal(false)
const words = signal('')

const key = (slug: string) => `mayfly-tell-${slug}`

function kept(slug: string): boolean {
  try {
    return window.localStorage.getItem(key(slug)) === '1'
  } catch {
    return false
  }
}

function keep(slug: string, wanted: boolean): void {
  try {
    if (wanted) window.localStorage.setItem(key(slug), '1')
    else window.localStorage.removeItem(key(slug))
  } catch {
    // It counts for this page only.
  }
}

/** Finds out how it stands, without asking the person anything. */
async function look(slug: string): Promise<void> {
  if (!('Notification' in window)) {
    way.value = 'none'
    return
  }
  if (Notification.permission === 'denied') {
    way.value = 'denied'
    return
  }
  const granted = Notification.permission === 'granted'
  if (canPush() && granted && (await isSubscribed(slug).catch(() => false))) {
    on.value = true
    way.value = 'push'
    return
  }
  on.value = granted && kept(slug)
  way.value = canPush() && !on.value ? 'push' : 'page'
}

async function stop(slug: string): Promise<void> {
  if (way.value === 'push') await unsubscribe(slug)
  keep(slug, false)
  on.value = false
  way.value = canPush() ? 'push' : 'page'
  words.value = 'You are not told any more.'
}

async function start(slug: string): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') {
    if (Notification.permission === 'denied') way.value = 'denied'
    else words.value = 'The browser was not allowed to tell you: press again and allow it.'
    return
  }
  if (canPush()) {
    try {
      await subscribe(slug)
      on.value = true
      way.value = 'push'
      return
    } catch (why) {
      if (why instanceof Problem && why.status !== 403) throw why
      // No push service, or none for this channel: the open page tells.
    }
  }
  keep(slug, true)
  on.value = true
  way.value = 'page'
}

async function press(slug: string): Promise<void> {
  busy.value = true
  words.value = ''
  try {
    await (on.value ? stop(slug) : start(slug))
  } catch (why) {
    words.value = why instanceof Problem ? why.message : 'That did not work: try again, or subscribe to the feed.'
  }
  busy.value = false
}

/** Tells the viewer when the channel goes on air by the open page, where nothing is pushed. It shows nothing itself. */
export function Telling({ slug, status }: { slug: string; status: Status | null }) {
  const before = useRef('')
  useEffect(() => void look(slug), [slug])
  const state = status?.state ?? ''
  useEffect(() => {
    const was = before.current
    before.current = state || was
    if (state !== 'live' || was === '' || was === 'live' || !on.value || way.value !== 'page' || document.visibilityState === 'visible') return
    try {
      const n = new Notification(`${status!.title} is on air`, { body: status!.description.slice(0, 140), tag: `mayfly/${slug}`, ...(status!.logo !== '' && { icon: at(status!.logo) }) })
      n.onclick = () => {
        window.focus()
        n.close()
      }
    } catch {
      // Some browsers on phones give notifications to service workers alone.
    }
  }, [state])
  return null
}

const byPush = 'This browser tells you, also when no page of the channel is open.'
const byPage = 'You are told for as long as this page is open, also in the background: more cannot be had in this browser.'

const standing: Readonly<Partial<Record<Way, string>>> = {
  none: 'This browser cannot tell you by itself. Subscribe to the feed, or put the next show into your calendar.',
  denied: 'Notifications of this site are blocked in your browser. Allow them beside its address and load the page again, or use the feed or your calendar.',
}

/** What a viewer can do to hear of the channel: the button, and what every browser can. */
export function Tell({ slug, status, aside = false }: { slug: string; status: Status; aside?: boolean }) {
  const can = way.value === 'push' || way.value === 'page'
  const show = status.show
  return (
    <div class={`tell ${aside ? 'is-aside' : ''}`} role="group" aria-label="Hear of this channel">
      {can && (
        <button type="button" class={`button ${aside ? 'ghost' : ''}`} aria-pressed={on.value} aria-busy={busy.value} disabled={busy.value} onClick={() => void press(slug)}>
          {on.value ? 'You are told when it is live' : aside ? 'Tell me next time' : 'Tell me when it is live'}
        </button>
      )}
      {show !== null && show.at > Date.now() && <a class="button ghost" href={withPass(at(show.calendar), slug)} download>To my calendar</a>}
      <a class="button ghost" href={`/api/v1/channels/${encodeURIComponent(slug)}/feed.rss`}>Feed (RSS)</a>
      <p role="status">{words.value || (on.value ? (way.value === 'push' ? byPush : byPage) : standing[way.value])}</p>
    </div>
  )
}
