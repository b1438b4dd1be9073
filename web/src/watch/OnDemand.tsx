import { useEffect, useState } from 'preact/hooks'
import { at } from '../origin'
import { withPass } from '../pass'
import { offered, type Offered } from '../player/film'
import { clock, spoken } from '../words'

const few = 12

/** What the channel offers to be played at any time. Nothing if it offers nothing. */
export function OnDemand({ slug, playing, open }: { slug: string; playing: string; open: boolean }) {
  const [all, setAll] = useState<Offered[]>([])
  const [whole, setWhole] = useState(false)
  useEffect(() => {
    let wanted = true
    if (open) offered(slug).then((found) => wanted && Array.isArray(found) && setAll(found), () => {})
    return () => {
      wanted = false
    }
  }, [slug, open])
  const others = all.filter((x) => x.kind === 'clip' && x.id !== playing) // recordings have a list and pages of their own
  if (others.length === 0) return null
  return (
    <section class="ondemand" aria-labelledby="ondemand-title">
      <h2 id="ondemand-title">Watch at any time</h2>
      <ul>
        {(whole ? others : others.slice(0, few)).map((x) => (
          <li key={x.id}>
            <a href={`/${slug}?play=${x.id}`}>
              <span class="ondemand-picture">
                {x.poster !== '' ? <img src={at(withPass(x.poster, slug))} alt="" loading="lazy" /> : <span aria-hidden="true">{x.title.trim().slice(0, 1).toUpperCase()}</span>}
                {x.duration > 0 && <b><span class="hidden-words">{spoken(x.duration)}</span><span aria-hidden="true">{clock(x.duration)}</span></b>}
              </span>
              <strong>{x.title}</strong>
              <small>{new Date(x.made).toLocaleDateString(undefined, { day: 'numeric', month: 'long', year: 'numeric' })}</small>
            </a>
          </li>
        ))}
      </ul>
      {others.length > few && !whole && <button type="button" class="button ghost" onClick={() => setWhole(true)}>Show all {others.length}</button>}
    </section>
  )
}
