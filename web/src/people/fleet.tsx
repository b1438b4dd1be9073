import { size } from '../figures/words'
import { Badge } from '../parts'
import { compact } from '../words'
import { Waiting, type Fetched } from './fetched'
import { Section } from './section'
import { moment } from './words'

export interface Trouble {
  level: 'warning' | 'error'
  words: string
  detail?: string
  count: number
  last: string
}

/** How a node is, as it says itself. */
export interface State {
  name: string
  trouble?: string
  started: string
  cpu: number
  processors: number
  memory: number
  backlog: number
  spool: number
  away?: number
  requests: Record<string, number>
  cost: number
  log: Trouble[]
}

export interface Fleet {
  nodes: State[]
  channels: { slug: string; title: string; state: string; node?: string; suspended?: string; viewers: number; bytes: number }[]
  total: number
  onAir: number
  cost: number
  prices: { writes: number; reads: number; stated: boolean }
}

export const refresh = 5_000

/** What each node's log warned of lately, the newest first. */
export function Log({ fleet }: { fleet: Fetched<Fleet> }) {
  const f = fleet.value.value
  const all = (f?.nodes ?? []).flatMap((n) => n.log.map((l) => ({ ...l, node: n.name }))).sort((x, y) => Date.parse(y.last) - Date.parse(x.last))
  return (
    <Section id="log" title="Warnings and errors" text="Of all nodes, within a day; each once, however often it came.">
      <Waiting of={fleet} />
      {f !== null && all.length === 0 && <p class="dim">Nothing went wrong lately.</p>}
      {all.length > 0 && (
        <ol class="lines trail">
          {all.slice(0, 40).map((l) => (
            <li key={`${l.node} ${l.level} ${l.words}`}>
              <time class="dim" dateTime={l.last}>{moment(l.last)}</time>
              <span class="line-words">
                <span class="line-head"><Badge kind={l.level === 'error' ? 'live' : 'wait'}>{l.level === 'error' ? 'Error' : 'Warning'}</Badge><strong class="long">{l.words}</strong>{l.count > 1 && <span class="dim">{l.count} times</span>}</span>
                <span class="dim long">{l.node}{l.detail && ` · ${l.detail}`}</span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  )
}

/** The channels, those on air first. */
export function Channels({ fleet }: { fleet: Fetched<Fleet> }) {
  const f = fleet.value.value
  return (
    <Section id="channels" title="Channels" text={f === null ? '' : `${f.onAir} of ${f.total} on air.`}>
      <Waiting of={fleet} />
      {f !== null && f.channels.length === 0 && <p class="dim">There are no channels yet.</p>}
      {f !== null && f.channels.length > 0 && (
        <div class="table" tabIndex={0} role="group" aria-label="Channels as a table">
          <table>
            <thead><tr><th scope="col">Channel</th><th scope="col">State</th><th scope="col">Viewers</th><th scope="col">Sent lately</th><th scope="col">Taken in by</th></tr></thead>
            <tbody>
              {f.channels.map((c) => (
                <tr key={c.slug}>
                  <th scope="row"><a href={`/studio/${c.slug}`}>{c.title}</a></th>
                  <td>{c.suspended ? <Badge kind="off">Suspended</Badge> : c.state === 'live' ? <Badge kind="live">On air</Badge> : <span class="dim">{c.state === 'never' ? 'Never on air' : 'Off air'}</span>}</td>
                  <td>{compact(c.viewers)}</td><td>{c.bytes > 0 ? size(c.bytes) : ''}</td><td>{c.node ?? (c.state === 'live' ? 'autopilot' : '')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {f !== null && f.total > f.channels.length && <p class="dim">The first {f.channels.length} of {f.total}.</p>}
    </Section>
  )
}

const kinds = [['put', 'Writes'], ['put_if_absent', 'Writes, if absent'], ['put_if_match', 'Writes, if unchanged'], ['list', 'Listings'], ['get', 'Reads'], ['get_range', 'Reads of a part'], ['delete', 'Removals'], ['delete_if_match', 'Removals, if unchanged']] as const

const dollars = (n: number): string => (n === 0 ? '$0' : n < 0.01 ? `$${n.toFixed(4)}` : `$${n.toFixed(2)}`)

/** What the requests to the bucket cost. */
export function Costs({ fleet }: { fleet: Fetched<Fleet> }) {
  const f = fleet.value.value
  const sums = kinds.map(([kind, word]) => [word, (f?.nodes ?? []).reduce((n, s) => n + (s.requests?.[kind] ?? 0), 0)] as const).filter(([, n]) => n > 0)
  return (
    <Section id="costs" title="Requests to the bucket" text="Of all nodes that answer. What is stored and what leaves the cloud costs besides.">
      <Waiting of={fleet} />
      {f !== null && (
        <>
          <p><strong class="sum">{dollars(f.cost)}</strong> within the last hour</p>
          <dl class="facts">{sums.map(([word, n]) => <div key={word}><dt>{word}</dt><dd>{n.toLocaleString('en-GB')}</dd></div>)}</dl>
          <p class="dim small">At {dollars(f.prices.writes)} for a thousand writes and listings and {dollars(f.prices.reads)} for a thousand reads{f.prices.stated ? ', as this server was told.' : ': the prices of S3 Standard. Tell the server yours with --price-writes and --price-reads.'}</p>
        </>
      )}
    </Section>
  )
}
