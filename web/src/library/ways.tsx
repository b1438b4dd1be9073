import { call } from '../people/api'
import { ask } from '../people/ask'
import { useFetched, Waiting } from '../people/fetched'
import { Field } from '../people/form'
import { dayOf, type Recording } from '../recorded/list'
import { clock } from '../words'
import { look, path, slug } from './shelf'

interface Feed {
  id: string
  url: string
  title: string
  checked: string
  fault?: string
}

/** Feeds whose newest films are clips, and recordings to cut clips out of. */
export function Ways() {
  const feeds = useFetched<{ feeds: Feed[] }>(`${path}/feeds`, 60_000)
  const recordings = useFetched<{ recordings: Recording[] }>(`${path}/recordings`, 30_000)
  const add = () => ask({
    title: 'A feed', word: 'Add it', text: 'The address of a Media RSS feed or a podcast. Its newest 25 films are kept in the library; older ones go by themselves.',
    field: <Field name="url" label="Address" maxLength={1000} />,
    does: async (read) => {
      const f = await call<Feed>('POST', `${path}/feeds`, { url: read('url').trim() })
      await Promise.all([feeds.again(), look()])
      return `${f.title} was added.`
    },
  })
  const drop = (f: Feed) => ask({
    title: `Let ${f.title} go?`, danger: true, word: 'Let it go', text: 'Its clips stay; nothing new of it comes.',
    does: async () => {
      await call('DELETE', `${path}/feeds/${f.id}`)
      await feeds.again()
    },
  })
  const all = feeds.value.value?.feeds ?? []
  const kept = recordings.value.value?.recordings ?? []
  return (
    <div class="ways">
      <section aria-labelledby="recordings">
        <h2 id="recordings" tabIndex={-1}>Recordings</h2>
        <Waiting of={recordings} />
        {recordings.value.value !== null && kept.length === 0 && <p class="dim">None yet. The studio’s settings have every broadcast kept.</p>}
        <ul class="ways-list">
          {kept.map((r) => (
            <li key={r.id}>
              <span><strong>{r.title}</strong><small class="dim">{dayOf(r.begin)}, {clock(r.duration)}{r.hidden ? ', hidden' : ''}</small></span>
              <a class="button ghost" href={`/${slug}/recordings/${r.id}`} aria-label={`Cut clips out of ${r.title} of ${dayOf(r.begin)}`}>Cut clips</a>
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="feeds">
        <h2 id="feeds" tabIndex={-1}>Feeds</h2>
        <Waiting of={feeds} />
        {feeds.value.value !== null && all.length === 0 && <p class="dim">None yet. Of a feed, the newest 25 films are kept here by themselves.</p>}
        <ul class="ways-list">
          {all.map((f) => (
            <li key={f.id}>
              <span><strong>{f.title}</strong><small class="dim">{new URL(f.url).host}</small>{f.fault && <small class="clip-fault">{f.fault}</small>}</span>
              <button type="button" class="button ghost" onClick={() => drop(f)} aria-label={`Let ${f.title} go`}>Let go</button>
            </li>
          ))}
        </ul>
        <div class="row"><button type="button" class="button ghost" onClick={add}>Add a feed</button></div>
      </section>
    </div>
  )
}
