import { useEffect, useState } from 'preact/hooks'
import { slugOf } from '../channel'
import { at } from '../origin'
import { withPass } from '../pass'
import { until, when, type Show } from '../show'

/** The server's time would differ by less than people see: the browser's is good enough to look forward by. */
export function useNow(every = 1000): number {
  const [now, set] = useState(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => set(Date.now()), every)
    return () => window.clearInterval(timer)
  }, [])
  return now
}

const Remind = ({ show }: { show: Show }) => <a class="button ghost" href={withPass(at(show.calendar), slugOf(location.pathname))} download>Remind me</a>

/** How long until the show begins, in large figures: what a channel shows that is not on air. */
export function Countdown({ show }: { show: Show }) {
  const now = useNow()
  const left = show.at - now
  return (
    <>
      <p class="slate-title">{show.title}</p>
      {left > 0 ? <p class="slate-count" role="timer">{until(left)}</p> : <p class="slate-count">Any moment now</p>}
      <p class="slate-text">{left > 0 ? `It begins here ${when(show.at, new Date(now))}. Leave this page open; it starts by itself.` : 'It is about to begin, and starts here by itself.'}</p>
      {left > 0 && <Remind show={show} />}
    </>
  )
}

/** The next show, said below what plays. */
export function ComingUp({ show, remind }: { show: Show; remind: boolean }) {
  const now = useNow(30_000)
  if (show.at <= now) return null
  return (
    <p class="announced">
      <span><strong>Coming up {when(show.at, new Date(now))}:</strong> {show.title}{show.text && <span class="announced-text">{show.text}</span>}</span>
      {remind && <Remind show={show} />}
    </p>
  )
}
