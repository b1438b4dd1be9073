import { useSignal, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { at } from '../origin'
import { withPass } from '../pass'
import { noOwn, readOwn, type Own } from './emotes'
import { Log } from './Log'
import { add, by, lacks, nothingHeard, stretch } from './replay'
import '../styles/chat.css'

const lookEvery = 500
/** When it is asked again after it could not be had, in ms. */
const again = 5000

/** The emotes that the channel has now: one that is gone is read as its name. */
async function ownOf(slug: string): Promise<Own> {
  const answer = await fetch(at(withPass(`/api/v1/channels/${encodeURIComponent(slug)}/chat/emotes`, slug)), { signal: AbortSignal.timeout(8000) })
  if (!answer.ok) throw new Error(answer.statusText)
  return readOwn(((await answer.json()) as { emotes?: unknown }).emotes, slug)
}

/** What was said while something was live, each message at its time. Nothing is shown where nobody said anything. */
export function Replay({ slug, time }: { slug: string; time: Signal<number | null> }) {
  const heard = useSignal(nothingHeard)
  const now = useSignal(0)
  const own = useSignal(noOwn)
  useEffect(() => {
    let asking = false
    let pause = 0
    const ask = async (from: number, to: number) => {
      const iso = (date: number) => encodeURIComponent(new Date(date).toISOString())
      const answer = await fetch(at(withPass(`/api/v1/channels/${encodeURIComponent(slug)}/chat/log?from=${iso(from)}&to=${iso(to)}`, slug)), { signal: AbortSignal.timeout(8000) })
      if (!answer.ok) throw new Error(answer.statusText)
      heard.value = add(heard.value, from, to, await answer.json()).heard
      if (own.value === noOwn) void ownOf(slug).then((o) => (own.value = o), () => {})
    }
    const look = () => {
      const date = time.value
      if (date === null) return
      now.value = date
      const from = lacks(heard.value, date)
      if (from === null || asking || Date.now() < pause) return
      asking = true
      ask(from, Math.max(from, date) + stretch).catch(() => (pause = Date.now() + again)).finally(() => (asking = false))
    }
    const timer = window.setInterval(look, lookEvery)
    return () => window.clearInterval(timer)
  }, [slug])
  if (heard.value.messages.length === 0) return null
  return (
    <section class="chat" aria-labelledby="chat-title">
      <div class="chat-in">
        <header class="chat-head"><h2 id="chat-title">Chat</h2><span class="dim">as it was</span></header>
        <Log messages={by(heard.value, now.value)} mine="" label="Chat, as it was" own={own.value} />
      </div>
    </section>
  )
}
