import { effect, signal } from '@preact/signals'
import { render } from 'preact'
import { categories, categoryName } from './categories'
import { among, inOrder, primary, type Status } from './channel'
import { Feed } from './feed'
import { byName, languageName } from './languages'
import { Badge, Brand, Ripples } from './parts'
import { call, type Session } from './people/api'
import { Thumb } from './thumb'
import { since, viewers } from './words'
import './styles/base.css'
import './styles/guide.css'

const channels = signal<ReadonlyMap<string, Status> | null>(null)
const asked = new URLSearchParams(location.search)
const search = signal(asked.get('search') ?? '')
const category = signal(asked.get('category') ?? '')
const language = signal(asked.get('language') ?? '')
const link = signal(true)

// What is looked for is in the address, so that it can be kept and passed on.
effect(() => {
  const now = new URLSearchParams()
  for (const [name, s] of [['search', search], ['category', category], ['language', language]] as const) if (s.value.trim() !== '') now.set(name, s.value.trim())
  const query = now.toString()
  history.replaceState(null, '', query === '' ? location.pathname : `?${query}`)
})

/** Who looks at the guide; null until it is known, and it may stay so: the guide needs nobody. */
const session = signal<Session | null | 'unknown'>(null)
call<Session>('GET', '/session').then((s) => (session.value = s), () => (session.value = 'unknown'))

new Feed(null, {
  status(s) {
    channels.value = new Map(channels.value ?? []).set(s.slug, s)
  },
  removed(slug) {
    const left = new Map(channels.value ?? [])
    left.delete(slug)
    channels.value = left
  },
  link(up) {
    link.value = up
    if (up) channels.value ??= new Map()
  },
})

function Guide() {
  const all = channels.value
  return (
    <>
      <header class="top">
        <Brand />
        <label class="search">
          <span class="hidden-words">Search channels</span>
          <svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="11" cy="11" r="6.5" /><path d="m16 16 4.5 4.5" /></svg>
          <input type="search" placeholder="Search" autocomplete="off" value={search.value} onInput={(e) => (search.value = e.currentTarget.value)} />
        </label>
        <Who />
      </header>
      <main class="guide">
        {!link.value && <p class="away" role="status">The server is out of reach. This list goes on by itself in a moment.</p>}
        {link.value && all !== null && [...all.values()].some((c) => c.bucketAway) && (
          <p class="away" role="status">The storage is out of reach. What is live goes on; channels cannot be made or changed until it is back.</p>
        )}
        {all === null ? <p class="loading" role="status">Looking what is on</p> : all.size === 0 ? <Empty /> : <Lists all={all} />}
      </main>
      <footer class="foot"><a href="/api/docs">API</a></footer>
    </>
  )
}

function Who() {
  const s = session.value
  const me = s === null || s === 'unknown' ? undefined : s.me
  return (
    <nav class="me" aria-label="You">
      {me && <a href="/studio">Studio</a>}
      {me?.operator && <a href="/operate">Operate</a>}
      {me ? <a class="me-name" href="/login/account"><span class="hidden-words">Your account: </span>{me.name}</a> : s !== null && <a href="/login?next=/">Sign in</a>}
    </nav>
  )
}

function Lists({ all }: { all: ReadonlyMap<string, Status> }) {
  const { live, off } = inOrder(among(all.values(), category.value, language.value), search.value)
  const sought = search.value.trim() !== '' || category.value !== '' || language.value !== ''
  return (
    <>
      <Filters all={all} />
      {live.length + off.length === 0 ? <Nothing sought={sought} /> : <Found live={live} off={off} />}
    </>
  )
}

function Nothing({ sought }: { sought: boolean }) {
  const all = () => (search.value = category.value = language.value = '')
  return (
    <div class="none" role="status">
      <p class="nothing">No channel is like that.</p>
      {sought && <button type="button" class="button ghost" onClick={all}>Show all channels</button>}
    </div>
  )
}

/** Only what there is can be chosen, and what is chosen already. */
function Filters({ all }: { all: ReadonlyMap<string, Status> }) {
  const list = [...all.values()]
  const kinds = categories.filter(([id]) => id === category.value || list.some((c) => c.category === id))
  const languages = byName(new Set([...list.map((c) => primary(c.language)), language.value].filter((l) => l !== '')))
  if (kinds.length + languages.length === 0) return null
  return (
    <div class="filters">
      {kinds.length > 0 && (
        <label>Category
          <select value={category.value} onChange={(e) => (category.value = e.currentTarget.value)}>
            <option value="">All</option>
            {kinds.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
          </select>
        </label>
      )}
      {languages.length > 0 && (
        <label>Language
          <select value={language.value} onChange={(e) => (language.value = e.currentTarget.value)}>
            <option value="">All</option>
            {languages.map((l) => <option key={l} value={l}>{languageName(l)}</option>)}
          </select>
        </label>
      )}
    </div>
  )
}

function Found({ live, off }: { live: Status[]; off: Status[] }) {
  return (
    <>
      <section aria-labelledby="on-air">
        <h1 id="on-air">On air <span>{live.length}</span></h1>
        {live.length === 0 ? <p class="nothing">Nobody is on air just now.</p> : <ul class="cards">{live.map((c) => <Card key={c.slug} c={c} />)}</ul>}
      </section>
      {off.length > 0 && (
        <section aria-labelledby="off-air">
          <h2 id="off-air">Off air <span>{off.length}</span></h2>
          <ul class="cards small">{off.map((c) => <Card key={c.slug} c={c} />)}</ul>
        </section>
      )}
    </>
  )
}

/** A colour and a place of its own for each channel, from its name. */
function face(slug: string): string {
  let h = 2166136261
  for (const c of slug) h = Math.imul(h ^ c.charCodeAt(0), 16777619) >>> 0
  const hues = [168, 186, 204, 222, 262, 24, 42, 96, 142]
  return `--hue:${hues[h % hues.length]};--x:${15 + ((h >>> 8) % 70)}%;--y:${30 + ((h >>> 16) % 50)}%`
}

function Card({ c }: { c: Status }) {
  const live = c.state === 'live'
  return (
    <li>
      <a class={`card ${live ? 'is-live' : ''}`} href={`/${c.slug}`}>
        <span class="plate" style={face(c.slug)} aria-hidden="true">
          {c.picture ? <img class="plate-picture" src={c.picture} alt="" loading="lazy" /> : <><Ripples /><b>{c.title.trim().slice(0, 1).toUpperCase()}</b></>}
          {live && <Thumb url={`/${c.slug}/thumbnail.jpg`} />}
          {c.logo && <img class="plate-logo" src={c.logo} alt="" loading="lazy" />}
        </span>
        <span class="card-words">
          <strong>{c.title}</strong>
          {live && c.description && <small>{c.description}</small>}
          <span class="card-line">
            {live ? <Badge kind="live">Live</Badge> : <span class="dim">{c.state === 'never' ? 'Not on air yet' : `Off air ${since(c.since, new Date())}`}</span>}
            {live && <span class="dim">{viewers(c.viewers)}</span>}
            {c.locked && <span class="dim">password needed</span>}
            {categoryName(c.category) && <span class="dim">{categoryName(c.category)}</span>}
          </span>
        </span>
      </a>
    </li>
  )
}

function Empty() {
  const s = session.value
  const known = s !== null && s !== 'unknown'
  const command = `curl -X POST ${location.origin}/api/v1/channels \\
  -H "Authorization: Bearer $MAYFLY_ADMIN_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"slug":"news","title":"News"}'`
  return (
    <section class="empty">
      <Ripples />
      <h1>No channels yet</h1>
      {known && !s.owned && <p class="owner">Open the link that the server's log prints to make the owner's account.</p>}
      {known && s.owned && <p class="owner"><a href="/studio">{s.me ? 'Make the first one in the studio' : 'Sign in and make the first one in the studio'}</a>. It takes a minute.</p>}
      <p>Programs make one like this, with <code>MAYFLY_ADMIN_TOKEN</code> as the server was started with it, or a token of an account:</p>
      <pre tabIndex={0}><code>{command}</code></pre>
      <p>The answer holds a stream key. Give it to OBS or ffmpeg as <code>rtmp://{location.hostname}/live/&lt;stream key&gt;</code>, and the channel appears here by itself.</p>
    </section>
  )
}

render(<Guide />, document.getElementById('app')!)
