import { useEffect, useState } from 'preact/hooks'
import { withPass } from '../pass'
import { days, readProgrammes, type Programme } from './upcoming'

const time = (t: number) => new Date(t).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
const dayName = (d: Date, away: number) => (away === 0 ? 'Today' : away === 1 ? 'Tomorrow' : d.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' }))

/** How many lines are shown before somebody asks for the rest of the week. */
const few = 4

/** What the channel's plan plays now, next and this week. Nothing for a channel without a plan. */
export function Coming({ slug, live }: { slug: string; live: boolean }) {
  const [list, setList] = useState<Programme[]>([])
  const [now, setNow] = useState(Date.now())
  const [whole, setWhole] = useState(false)
  const path = `/api/v1/channels/${encodeURIComponent(slug)}/guide`
  useEffect(() => {
    let wanted = true
    const look = () => {
      if (document.visibilityState === 'hidden') return
      setNow(Date.now())
      fetch(withPass(path, slug), { signal: AbortSignal.timeout(10_000) }).then((r) => (r.ok ? r.json() : null)).then((v) => wanted && v !== null && setList(readProgrammes(v)), () => {})
    }
    look()
    const timer = window.setInterval(look, 60_000)
    return () => {
      wanted = false
      window.clearInterval(timer)
    }
  }, [slug, live])
  const all = days(list, now, dayName)
  if (all.length === 0) return null
  let left = whole ? Infinity : few
  const shown = all.map((d) => {
    const programmes = d.programmes.slice(0, left)
    left -= programmes.length
    return { ...d, programmes }
  }).filter((d) => d.programmes.length > 0)
  const more = all.reduce((n, d) => n + d.programmes.length, 0) > few
  const first = all[0]!.programmes[0]!
  return (
    <section class="coming" aria-labelledby="coming-title">
      <h2 id="coming-title">Coming up</h2>
      {shown.map((d) => (
        <div key={d.name} class="coming-day">
          <h3>{d.name}</h3>
          <ol>
            {d.programmes.map((p) => (
              <li key={p.start} class={p.start <= now ? 'is-now' : ''}>
                <time dateTime={new Date(p.start).toISOString()}>{p.start <= now ? 'Now' : time(p.start)}</time>
                <span>{p.title}{p === first && p.start <= now && p.stop - now < 6 * 86_400_000 && <small> until {time(p.stop)}</small>}</span>
              </li>
            ))}
          </ol>
        </div>
      ))}
      <p class="coming-more">
        {more && <button type="button" class="button ghost" aria-expanded={whole} onClick={() => setWhole(!whole)}>{whole ? 'Show less' : 'The whole week'}</button>}
        <a href={withPass(`${path}.xml`, slug)}>As XMLTV</a>
      </p>
    </section>
  )
}
