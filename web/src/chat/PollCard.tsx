import { useSignal } from '@preact/signals'
import { Problem } from '../people/api'
import { keep, kept, type Room } from './room'
import type { Poll } from './talk'

/** The poll: each answer is a button until it is over. Results are seen once one has voted, and move as others vote. */
export function PollCard({ poll, room, acts }: { poll: Poll; room: Room; acts?: preact.ComponentChildren }) {
  const known = kept(`vote-${poll.id}`)
  const mine = useSignal(known === '' ? -1 : Number(known))
  const fault = useSignal('')
  const sum = poll.counts.reduce((a, b) => a + b, 0)
  const seen = mine.value >= 0 || poll.ended || acts !== undefined
  const vote = async (option: number) => {
    const before = mine.value
    mine.value = option
    fault.value = ''
    try {
      await room.vote(poll, option)
      keep(`vote-${poll.id}`, String(option))
    } catch (why) {
      mine.value = before
      fault.value = why instanceof Problem ? why.message : String(why)
    }
  }
  return (
    <section class="poll" aria-label="Poll">
      <h3><bdi>{poll.question}</bdi></h3>
      <ul>
        {poll.options.map((o, i) => {
          const share = sum === 0 ? 0 : poll.counts[i]! / sum
          const words = seen ? `${Math.round(share * 100)} %` : ''
          return (
            <li key={i}>
              <button type="button" disabled={poll.ended} aria-pressed={mine.value === i} style={`--share:${seen ? share : 0}`} onClick={() => void vote(i)}>
                <bdi>{o}</bdi><span>{words}</span>
              </button>
            </li>
          )
        })}
      </ul>
      <p class="poll-sum">{sum === 1 ? '1 vote' : `${sum.toLocaleString()} votes`}{poll.ended ? ' · over' : mine.value >= 0 ? ' · you can change yours' : ''}</p>
      {fault.value && <p class="chat-fault" role="alert">{fault.value}</p>}
      {acts}
    </section>
  )
}
