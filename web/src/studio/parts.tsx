import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { parts } from '../people/section'
import { channel } from './desk'

/** Where the heading of the part is, at the most, that is being looked at: that much of the window from its top. */
const looked = 0.4

/** The part that is being looked at, '' above all of them. */
function current(): string {
  const end = document.documentElement
  if (window.scrollY > 0 && window.scrollY + window.innerHeight >= end.scrollHeight - 2) return parts.value.at(-1)?.id ?? ''
  return parts.value.filter((p) => p.head.getBoundingClientRect().top < window.innerHeight * looked).at(-1)?.id ?? ''
}

/** Leads to the parts of the page, and says wherever one is whether the channel is on air. */
export function Parts() {
  const c = channel.value!
  const here = useSignal('')
  const bar = useRef<HTMLElement>(null)
  useEffect(() => {
    let due = 0
    const look = () => {
      due ||= requestAnimationFrame(() => {
        due = 0
        here.value = current()
      })
    }
    look()
    window.addEventListener('scroll', look, { passive: true })
    window.addEventListener('resize', look)
    return () => {
      cancelAnimationFrame(due)
      window.removeEventListener('scroll', look)
      window.removeEventListener('resize', look)
    }
  }, [])
  // The browser looked for what the address names before it was there.
  const wanted = useRef(location.hash.slice(1))
  useEffect(() => {
    const there = parts.value.find((p) => p.id === wanted.current)
    if (!there) return
    wanted.current = ''
    there.head.scrollIntoView()
  }, [parts.value])
  useEffect(() => {
    const list = bar.current?.querySelector('ul')
    const link = list?.querySelector<HTMLElement>('[aria-current]')
    if (list) list.scrollTo({ left: link ? link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2 : 0 })
  }, [here.value])
  const [look, air] = c.rehearsal ? ['is-rehearsal', 'Rehearsal'] : c.state === 'live' ? ['is-live', 'On air'] : ['', c.state === 'never' ? 'Not on air yet' : 'Off air']
  return (
    <nav class="parts" aria-label="Parts of the studio" ref={bar}>
      <a class={`parts-air ${look}`} href="#desk"><i aria-hidden="true" />{air}<span class="hidden-words">: to the desk</span></a>
      <ul>
        {parts.value.map((p) => <li key={p.id}><a href={`#${p.id}`} aria-current={p.id === here.value ? 'location' : undefined}>{p.word}</a></li>)}
      </ul>
    </nav>
  )
}
