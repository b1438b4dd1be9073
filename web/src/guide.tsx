import { effect, signal } from '@preact/signals'
import { render } from 'preact'
import { categoryName } from './categories'
import { readStatus, type Status } from './channel'
import { retryDelay } from './feed'
import { languageName } from './languages'
import { Badge, Brand, Ripples } from './parts'
import { call, type Session } from './people/api'
import { Thumb } from './thumb'
import { since, viewers } from './words'
import './styles/base.css'
import './styles/guide.css'

/** On another site's page, in a frame: nothing but the channels. */
const embedded = location.pathname.startsWith('/embed')

interface Found {
  channels: Status[]
  total: number
  onAir: number
  categories: Tally[]
  languages: Tally[]
}

interface Tally {
  id: string
  count: number
}

/** How many channels are asked for at a time, and at most at once. */
const page = 60
const most = 200
/** How often what is shown is asked for again, in ms. */
const fresh = 4_000
/** How long after a key is pressed the search begins, in ms. */
const typing = 150

const found = signal<Found | null>(null)
const asked = new URLSearchParams(location.search)
const search = signal(asked.get('search') ?? '')
const category = signal(asked.get('category') ?? '')
const language = signal(asked.get('language') ?? '')
const order = signal(asked.get('order') ?? 'watched')
const link = signal(true)
const more = signal<'' | 'loading' | 'failed'>('')

const orders = [['watched', 'Most watched'], ['title', 'By title'], ['recent', 'Latest']] as const

function query(): URLSearchParams {
  const q = new URLSearchParams()
  for (const [name, s] of [['search', search], ['category', category], ['language', language]] as const) if (s.value.trim() !== '') q.set(name, s.value.trim().slice(0, 200))
  if (orders.some(([id]) => id === order.value) && order.value !== 'watched') q.set('order', order.value)
  return q
}

const tallies = (v: unknown): Tally[] => (Array.isArray(v) ? v.filter((t): t is Tally => typeof t?.id === 'string' && typeof t?.count === 'number') : [])

async function ask(offset: number, limit: number): Promise<Found> {
  const q = query()
  if (offset > 0) q.set('offset', String(offset))
  q.set('limit', String(limit))
  const response = await fetch(`/api/v1/guide?${q.toString()}`, { cache: 'no-store', signal: AbortSignal.timeout(8_000) })
  if (!response.ok) throw new Error(String(response.status))
  const v = (await response.json()) as Record<string, unknown>
  const channels = Array.isArray(v['channels']) ? v['channels'].map(readStatus).filter((c) => c !== null) : []
  return { channels, total: Number(v['total']) || channels.length, onAir: Number(v['onAir']) || 0, categories: tallies(v['categories']), languages: tallies(v['languages']) }
}

let turn = 0
let timer = 0
let tries = 0

/** Asks for what is looked for, and again by and by for as long as somebody looks. */
async function look(): Promise<void> {
  window.clearTimeout(timer)
  const mine = ++turn
  const before = found.value?.channels.length ?? 0
  try {
    const now = await ask(0, Math.min(most, Math.max(page, before)))
    if (mine !== turn) return
    // What lies behind the first 200 stays as it was asked for.
    const known = new Set(now.channels.map((c) => c.slug))
    if (before > most) now.channels.push(...found.value!.channels.slice(most).filter((c) => !known.has(c.slug)))
    found.value = now
    link.value = true
    tries = 0
  } catch {
    if (mine !== turn) return
    link.value = false
    tries++
  }
  timer = window.setTimeout(() => void (document.visibilityState === 'visible' && look()), tries === 0 ? fresh : retryDelay(tries, Math.random()))
}

async function loadMore(): Promise<void> {
  const now = found.value
  if (now === null || more.value === 'loading') return
  more.value = 'loading'
  const mine = turn
  try {
    const next = await ask(now.channels.length, page)
    if (mine === turn || found.value !== null) {
      const all = found.value!.channels
      const known = new Set(all.map((c) => c.slug))
      found.value = { ...next, channels: [...all, ...next.channels.filter((c) => !known.has(c.slug))] }
    }
    more.value = ''
  } catch {
    more.value = 'failed'
  }
}

document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void look())
window.addEventListener('online', () => void look())

// What is looked for is in the address, so that it can be kept and passed on.
let sought = ''
effect(() => {
  const now = query().toString()
  history.replaceState(null, '', now === '' ? location.pathname : `?${now}`)
  if (found.peek() === null && timer === 0) {
    sought = now
    void look()
  } else if (now !== sought) {
    sought = now
    window.clearTimeout(timer)
    turn++ // what is on its way is not what is looked for any more
    timer = window.setTimeout(() => {
      found.value = found.value && { ...found.value, channels: found.value.channels.slice(0, page) }
      void look()
    }, typing)
  }
})

/** Who looks at the guide; null until it is known, and it may stay so: the guide needs nobody. */
const session = signal<Session | null | 'unknown'>(embedded ? 'unknown' : null)
if (!embedded) call<Session>('GET', '/session').then((s) => (session.value = s), () => (session.value = 'unknown'))

function Guide() {
  const all = found.value
  const narrowed = query().size > (order.value === 'watched' ? 0 : 1)
  return (
    <>
      <header class="top">
        {embedded ? <a class="brand" href="/" target="_blank" rel="noopener" aria-label="Mayfly, opens the guide"><Brand plain /></a> : <Brand />}
        <label class="search">
          <span class="hidden-words">Search channels</span>
          <svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="11" cy="11" r="6.5" /><path d="m16 16 4.5 4.5" /></svg>
          <input type="search" placeholder="Search" autocomplete="off" maxLength={200} value={search.value} onInput={(e) => (search.value = e.currentTarget.value)} />
        </label>
        {!embedded && <Who />}
      </header>
      <main class="guide">
        {!link.value && <p class="away" role="status">The server is out of reach. This list goes on by itself in a moment.</p>}
        {link.value && all !== null && all.channels.some((c) => c.bucketAway) && (
          <p class="away" role="status">The storage is out of reach. What is live goes on; channels cannot be made or changed until it is back.</p>
        )}
        {all === null ? <p class="loading" role="status">Looking what is on</p> : all.total === 0 && !narrowed ? <Empty /> : <Lists all={all} />}
      </main>
      {!embedded && <footer class="foot"><a href="/api/docs">API</a> <a href={`/api/v1/guide.rss?${query().toString()}`}>RSS</a></footer>}
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

function Lists({ all }: { all: Found }) {
  return (
    <>
      <Filters all={all} />
      <p class="hidden-words" role="status">{all.total} {all.total === 1 ? 'channel' : 'channels'}, {all.onAir} on air</p>
      {all.total === 0 ? <Nothing /> : <Channels all={all} />}
    </>
  )
}

function Nothing() {
  const reset = () => (search.value = category.value = language.value = '')
  return (
    <div class="none">
      <p class="nothing">No channel is like that.</p>
      <button type="button" class="button ghost" onClick={reset}>Show all channels</button>
    </div>
  )
}

/** Only what there is can be chosen, and what is chosen already. */
function Filters({ all }: { all: Found }) {
  const kinds = all.categories.some((t) => t.id === category.value) || category.value === '' ? all.categories : [...all.categories, { id: category.value, count: 0 }]
  const languages = all.languages.some((t) => t.id === language.value) || language.value === '' ? all.languages : [...all.languages, { id: language.value, count: 0 }]
  return (
    <div class="filters">
      {kinds.length > 0 && (
        <div class="chips" role="group" aria-label="Category">
          <button type="button" aria-pressed={category.value === ''} onClick={() => (category.value = '')}>All</button>
          {kinds.map((t) => (
            <button key={t.id} type="button" aria-pressed={category.value === t.id} onClick={() => (category.value = category.value === t.id ? '' : t.id)}>
              {categoryName(t.id) || t.id} <small>{t.count}</small>
            </button>
          ))}
        </div>
      )}
      <div class="filter-selects">
        {languages.length > 0 && (
          <label>Language
            <select value={language.value} onChange={(e) => (language.value = e.currentTarget.value)}>
              <option value="">All</option>
              {languages.map((t) => <option key={t.id} value={t.id}>{languageName(t.id)} ({t.count})</option>)}
            </select>
          </label>
        )}
        {all.total > 1 && (
          <label>Order
            <select value={order.value} onChange={(e) => (order.value = e.currentTarget.value)}>
              {orders.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
            </select>
          </label>
        )}
      </div>
    </div>
  )
}

function Channels({ all }: { all: Found }) {
  const live = all.channels.filter((c) => c.state === 'live')
  const off = all.channels.filter((c) => c.state !== 'live')
  return (
    <>
      <section aria-labelledby="on-air">
        <h1 id="on-air">On air <span>{all.onAir}</span></h1>
        {live.length === 0 ? <p class="nothing">Nobody is on air just now.</p> : <ul class="cards">{live.map((c) => <Card key={c.slug} c={c} />)}</ul>}
      </section>
      {off.length > 0 && (
        <section aria-labelledby="off-air">
          <h2 id="off-air">Off air <span>{all.total - all.onAir}</span></h2>
          <ul class="cards small">{off.map((c) => <Card key={c.slug} c={c} />)}</ul>
        </section>
      )}
      {all.channels.length < all.total && (
        <p class="more">
          <button type="button" class="button ghost" aria-busy={more.value === 'loading'} onClick={() => void loadMore()}>{more.value === 'loading' ? 'Loading' : `Show more of ${all.total.toLocaleString()}`}</button>
          {more.value === 'failed' && <span role="alert">The server does not answer. Try again.</span>}
        </p>
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
      <a class={`card ${live ? 'is-live' : ''}`} href={`/${c.slug}`} {...(embedded && { target: '_blank', rel: 'noopener' })}>
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
            {live && c.language && <span class="dim">{languageName(c.language)}</span>}
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

if (embedded) document.body.classList.add('is-embedded')
render(<Guide />, document.getElementById('app')!)
