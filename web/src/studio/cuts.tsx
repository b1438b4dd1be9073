import { Section } from '../people/section'
import { Cutter } from '../recorded/cutter'
import { Marking } from '../recorded/marks'
import { channel, mayCut } from './desk'
import { programDate } from './screens'
import '../styles/recorded.css'

const marking = new Marking(() => programDate())

/** Marks what is seen just now. */
export function mark(which: 'mark in' | 'mark out'): void {
  if (mayCut.value) which === 'mark in' ? marking.in() : marking.out()
}

/** Clips out of what is live, and what is kept of it. */
export function Cuts() {
  const c = channel.value!
  if (!mayCut.value || c.state === 'never') return null
  return (
    <Section id="cuts" title="Cut out a clip" word="Clip" text="Mark in what viewers see where a clip begins and ends, while it goes on. It may begin before now, as far back as viewers can rewind.">
      <Cutter slug={c.slug} marking={marking} keys />
    </Section>
  )
}
