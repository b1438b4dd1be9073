import { signal } from '@preact/signals'
import { Section } from '../people/section'
import { Cutter } from '../recorded/cutter'
import { markFrom, markTo, none } from '../recorded/marks'
import { channel, mayCut } from './desk'
import { programDate } from './screens'
import '../styles/recorded.css'

const marks = signal(none)

/** Marks what is seen just now. */
export function mark(which: 'mark in' | 'mark out'): void {
  const at = programDate()
  if (at !== null && mayCut.value) marks.value = which === 'mark in' ? markFrom(marks.value, at) : markTo(marks.value, at)
}

/** Clips out of what is live, and what is kept of it. */
export function Cuts() {
  const c = channel.value!
  if (!mayCut.value || c.state === 'never') return null
  return (
    <Section id="cuts" title="Cut out a clip" text="Mark in what viewers see where a clip begins and ends, while it goes on. It may begin before now, as far back as viewers can rewind.">
      <Cutter slug={c.slug} marks={marks} now={() => programDate()} keys />
    </Section>
  )
}
