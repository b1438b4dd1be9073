import { useEffect, useState } from 'preact/hooks'
import { at } from '../origin'
import { withPass } from '../pass'
import { clock } from '../words'
import '../styles/recorded.css'

/** A recording, as the API says it. */
export interface Recording {
  id: string
  title: string
  state: 'onAir' | 'kept' | 'whole'
  begin: string
  end: string
  duration: number
  bytes: number
  hidden?: boolean
  poster?: string
  page: string
  playlist: string
  download?: string
  /** Its parts are of several kinds: the MP4 has to be made before it can be downloaded. */
  export?: { state: 'none' | 'making' | 'ready' | 'failed'; progress?: number; fault?: string; bytes?: number }
}

/** When it was, as people of this place say it. */
export const dayOf = (iso: string): string => new Date(iso).toLocaleString(undefined, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' })

const lookEvery = 30_000

/** What a channel has kept of its broadcasts. Nothing is shown where there is nothing. */
export function Recordings({ slug }: { slug: string }) {
  const [list, show] = useState<Recording[]>([])
  useEffect(() => {
    const look = () => void fetch(at(withPass(`/api/v1/channels/${encodeURIComponent(slug)}/recordings`, slug)))
      .then(async (r) => { if (r.ok) show(((await r.json()) as { recordings: Recording[] }).recordings) })
      .catch(() => {}) // the next look may find it
    look()
    const timer = window.setInterval(() => document.visibilityState === 'visible' && look(), lookEvery)
    return () => window.clearInterval(timer)
  }, [slug])
  if (list.length === 0) return null
  return (
    <section class="recorded" aria-labelledby="recorded">
      <h2 id="recorded">Watch again</h2>
      <ul class="recorded-list">
        {list.map((r) => (
          <li key={r.id}>
            <a href={at(`/${slug}/recordings/${r.id}`)} class="recorded-card">
              <span class="recorded-picture">
                {r.poster ? <img src={at(withPass(r.poster.split('?')[0]!, slug))} alt="" loading="lazy" /> : <span class="recorded-blank" aria-hidden="true" />}
                <span class="recorded-length">{r.state === 'onAir' ? 'On air' : clock(r.duration)}</span>
              </span>
              <strong>{r.title}</strong>
              <span class="recorded-when">{dayOf(r.begin)}{r.hidden && ', hidden'}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
