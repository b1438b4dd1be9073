import { useEffect, useRef } from 'preact/hooks'
import { Badge, Mark } from '../parts'
import { clock } from '../words'
import { before, laneOf, noteAll, place, span, type Lanes } from './history'
import { cutOff, entries, kill, link, start, state, takeBucket, trouble, type ChannelState, type NodeState } from './live'
import { blind, longest, standing, undrawn } from './meter'
import { cuts, moving, now, recovery, reset, since, tally } from './watch'

const whole = new Intl.NumberFormat('en')
const secs = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const time = (at: number): string => new Date(at).toLocaleTimeString('en-GB')

/** Names one after the other: a, b and c. */
const and = (names: string[]): string => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`)

/** Who does what for the channel, in one sentence. */
export function Who({ channel, latency }: { channel: ChannelState | undefined; latency: number | null }) {
  if (channel === undefined) return <p class="who" />
  const servers = (state.value?.nodes ?? []).filter((n) => n.share > 0.02 && n.state !== 'dead').sort((a, b) => b.share - a.share)
  const how = channel.how === 'push' ? 'without loss' : 'by RTMP'
  const parts: [string, string][] = []
  const gone = state.value?.nodes.some((n) => n.name === channel.node && n.state === 'dead')
  if (channel.node !== '') parts.push([gone ? `published ${how}, and dead is who took it in:` : `published ${how}, taken in by`, channel.node])
  else parts.push([channel.encoder ? 'the encoder is looking for a node' : 'the encoder is connecting', ''])
  if (channel.witnesses.length > 0) parts.push(['witnessed by', and(channel.witnesses)])
  if (channel.director !== '') parts.push(['directed by', channel.director])
  if (servers.length > 0) parts.push(['served to you by', and(servers.map((n) => n.name))])
  return (
    <p class="who">
      {parts.map(([words, name]) => (
        <span key={words}>
          {words}
          {name !== '' && <em>{name}</em>}
        </span>
      ))}
      {latency !== null && latency > -1 && <span>{Math.max(0, latency).toFixed(1)} s delay</span>}
    </p>
  )
}

export function Counters() {
  const t = tally.value
  const at = now.value
  const most = longest(t, at)
  const stands = standing(t, at)
  const r = recovery.value
  const waiting = r !== null && r.took === null
  return (
    <section class="counters" aria-label="Counters">
      <Counter name="Frames shown" value={whole.format(t.shown)} note={`since ${time(since.value)}`} />
      {blind(t) ? (
        <Counter name="Frames lost" value="–" note="this browser lets nobody read the numbers in the picture" />
      ) : (
        <Counter name="Frames lost" value={whole.format(t.lost)} tone={t.lost > 0 ? 'bad' : t.shown > 0 ? 'good' : ''}
          note={undrawn(t) > 0 ? `${whole.format(undrawn(t))} more this screen missed` : 'by the numbers in the picture'} />
      )}
      <Counter name="Longest stall" value={most > 0 ? secs(most) : 'none'} tone={stands > 0 || most > 1000 ? 'bad' : t.shown > 0 ? 'good' : ''}
        note={stands > 0 ? 'and it still stands' : t.stalls === 1 ? '1 standstill' : `${t.stalls} standstills`} />
      <Counter name="Cuts" value={whole.format(cuts.value)} note="to another take" />
      <Counter name="Recovered in" value={r === null ? '–' : waiting ? secs(Math.max(0, Date.now() - r.killed)) : secs(r.took!)} tone={waiting ? 'wait' : ''}
        note={r === null ? 'after the last kill' : waiting ? 'and counting' : 'kill to a picture made after it'} />
      <button type="button" class="zero" onClick={reset} aria-keyshortcuts="z" aria-label="Count anew">
        <span>Count anew</span>
        <kbd aria-hidden="true">Z</kbd>
      </button>
    </section>
  )
}

function Counter({ name, value, note, tone = '' }: { name: string; value: string; note: string; tone?: string }) {
  return (
    <dl class={`counter ${tone}`}>
      <dt>{name}</dt>
      <dd class="figure">{value}</dd>
      <dd class="note">{note}</dd>
    </dl>
  )
}

const stateWords: Record<string, [string, 'live' | 'off' | 'wait' | 'behind']> = {
  ready: ['Alive', 'behind'],
  starting: ['Starting', 'wait'],
  silent: ['Not ready', 'wait'],
  dead: ['Dead', 'off'],
  cut: ['Cut off the mesh', 'wait'],
}

/** What the others think of a node, when it is not well: "given up by b and c". */
function doubtsOf(seen: Record<string, string>): string {
  const words: Record<string, string> = { suspect: 'suspected by', lost: 'given up by', gone: 'given up by' }
  const by = new Map<string, string[]>()
  for (const [who, what] of Object.entries(seen)) {
    if (what === 'alive') continue
    const said = words[what] ?? `called ${what} by`
    by.set(said, [...(by.get(said) ?? []), who])
  }
  return [...by].map(([said, who]) => `${said} ${and(who.sort())}`).join(', ')
}

export function NodeCard({ n, index, channel }: { n: NodeState; index: number; channel: string }) {
  const s = state.value
  const dead = n.state === 'dead'
  const [word, kind] = stateWords[laneOf(n)] ?? [n.state, 'wait']
  const doubts = doubtsOf(n.seen)
  const toggle = () => void (dead ? start(n.name) : kill(n.name))
  return (
    <li class={`node node-${laneOf(n)}`} aria-labelledby={`node-${n.name}`}>
      <div class="node-head">
        <span class="wings"><Mark /></span>
        <h3 id={`node-${n.name}`}>
          <span class="hidden-words">Node </span>
          {n.name}
        </h3>
        <Badge kind={kind}>{word}</Badge>
        <span class="fact node-age">{s !== null && n.since > 0 && `${dead ? 'for' : 'up'} ${clock((s.now - n.since) / 1000)}`}</span>
      </div>
      <ul class="roles" aria-label={`What node ${n.name} does`}>
        <Role kind="in" words="takes in" of={n.takesIn} channel={channel} />
        <Role kind="witness" words="witnesses" of={n.witnesses} channel={channel} />
        <Role kind="direct" words="directs" of={n.directs} channel={channel} />
        {n.share > 0.02 && !dead && <li class="role role-serve">serves you {Math.round(n.share * 100)} %</li>}
        {dead && <li class="idle">Nothing. That is the point.</li>}
        {!dead && n.takesIn.length + n.witnesses.length + n.directs.length === 0 && n.share <= 0.02 && <li class="idle">{n.state === 'ready' ? 'Stands by' : 'Comes up'}</li>}
      </ul>
      {!dead && doubts !== '' && <p class="doubts">{doubts}</p>}
      <div class="node-tools">
        <button type="button" class={`button ${dead ? '' : 'danger'}`} onClick={toggle} aria-keyshortcuts={String(index + 1)}
          aria-label={dead ? `Start node ${n.name}` : `Kill node ${n.name} with kill -9`}>
          {dead ? 'Start' : 'kill -9'}
          <kbd aria-hidden="true">{index + 1}</kbd>
        </button>
        <button type="button" class="button ghost" disabled={dead || s?.mesh !== true} aria-pressed={n.cut}
          title={s?.mesh === true ? 'No message and no media between this node and the others; the bucket stays in reach' : 'The nodes of this version have no mesh'}
          aria-label={n.cut ? `Join node ${n.name} to the mesh again` : `Cut node ${n.name} off the mesh`} onClick={() => void cutOff(n.name, !n.cut)}>
          {n.cut ? 'Join mesh' : 'Cut mesh'}
        </button>
      </div>
    </li>
  )
}

/** One role, with the channels that a node has it for; quiet when the channel that is watched is not among them. */
function Role({ kind, words, of, channel }: { kind: string; words: string; of: string[]; channel: string }) {
  if (of.length === 0) return null
  return <li class={`role role-${kind} ${of.includes(channel) ? '' : 'elsewhere'}`}>{`${words} ${of.join(', ')}`}</li>
}

export function BucketCard() {
  const s = state.value
  if (s === null) return null
  const { away } = s.bucket
  return (
    <section class={`bucket ${away ? 'away' : ''}`} aria-labelledby="bucket-title">
      <div class="node-head">
        <svg class="pail" viewBox="0 0 32 32" aria-hidden="true">
          <ellipse cx="16" cy="9" rx="10" ry="3.4" />
          <path d="M6 9l2.6 15.2c.3 1.6 3.4 2.8 7.4 2.8s7.1-1.2 7.4-2.8L26 9" />
        </svg>
        <h3 id="bucket-title">Bucket</h3>
        {away ? <Badge kind="off">Away</Badge> : <Badge kind="behind">There</Badge>}
        <span class="fact node-age">{away && `for ${clock((s.now - s.bucket.since) / 1000)}`}</span>
      </div>
      <p class="where" title={s.bucket.where}>{away ? 'No node can read or write it. Live goes on.' : 'The only thing that lasts.'}</p>
      <button type="button" class={`button ${away ? '' : 'danger'}`} aria-keyshortcuts="b" onClick={() => void takeBucket(!away)}>
        {away ? 'Give it back' : 'Take it away'}
        <kbd aria-hidden="true">B</kbd>
      </button>
    </section>
  )
}

/** Buttons that aim by role, so that nobody has to look up who it is. */
export function Aim({ channel }: { channel: ChannelState | undefined }) {
  const nodes = (state.value?.nodes ?? []).filter((n) => n.state !== 'dead')
  const server = [...nodes].sort((a, b) => b.share - a.share)[0]
  const all = nodes.map((n) => n.name)
  const aims: [string, string, string[]][] = [
    ['intake', 'Kill the node that takes the channel in', channel?.node ? [channel.node] : []],
    ['my server', 'Kill the node that serves me most', server !== undefined && server.share > 0.02 ? [server.name] : []],
    ['director', 'Kill the node that directs the channel', channel?.director ? [channel.director] : []],
    ['all', 'Kill all nodes', all],
  ]
  const dead = (state.value?.nodes ?? []).filter((n) => n.state === 'dead')
  if (all.length === 0 && dead.length > 0) {
    return (
      <div class="aim">
        <button type="button" class="button" onClick={() => dead.forEach((n) => void start(n.name))}>Start all</button>
      </div>
    )
  }
  return (
    <div class="aim" role="group" aria-label="Kill by role">
      <span aria-hidden="true">kill -9</span>
      {aims.map(([what, words, names]) => (
        <button key={what} type="button" class="button ghost small" disabled={names.length === 0} aria-label={words} title={words} onClick={() => names.forEach((n) => void kill(n))}>
          {what}
        </button>
      ))}
    </div>
  )
}

export function Timeline({ slug }: { slug: string }) {
  const lanes = useRef<Lanes | null>(null)
  const at = Date.now()
  void now.value // drawn anew as time passes
  const s = state.value
  if (lanes.current === null && s !== null) lanes.current = before(entries.value)
  lanes.current &&= noteAll(lanes.current, s, moving.value, tally.value.shown > 0, at)
  const names = ['picture', ...(s?.nodes.map((n) => n.name) ?? []), 'bucket']
  const marks = entries.value.filter((e) => at - e.at < span && ['kill', 'dead', 'start', 'cut', 'mesh', 'bucket'].includes(e.kind))
  return (
    <figure class="timeline" aria-label="The last two minutes: when the picture moved, which nodes lived, whether the bucket was there. The events are listed beside it in words.">
      {names.map((lane) => (
        <div class="lane" key={lane}>
          <span>{lane}</span>
          <svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">
            {(lanes.current?.[lane] ?? []).map((x) => {
              const p = place(x, at)
              return p && <rect key={x.from} class={`is-${x.kind}`} x={p.at * 1000} y={lane === 'picture' ? 0 : 4} width={Math.max(1.5, p.wide * 1000)} height={lane === 'picture' ? 20 : 12} />
            })}
            {marks.filter((e) => (e.node === lane && e.kind !== 'cut') || (lane === 'bucket' && e.kind === 'bucket') || (lane === 'picture' && e.kind === 'cut' && e.slug === slug)).map((e) => (
              <rect key={`m${e.id}`} class={`mark-${e.kind}`} x={(1 - (at - e.at) / span) * 1000 - 1} y="0" width="2.5" height="20" />
            ))}
          </svg>
        </div>
      ))}
      <div class="lane scale" aria-hidden="true">
        <span />
        <div>{[120, 90, 60, 30].map((x) => <i key={x}>−{x} s</i>)}<i>now</i></div>
      </div>
    </figure>
  )
}

export function Log() {
  const box = useRef<HTMLDivElement>(null)
  const all = entries.value
  useEffect(() => {
    if (box.current) box.current.scrollTop = 0
  }, [all.length])
  return (
    <div class="log" ref={box} tabIndex={0} role="log" aria-live="polite" aria-relevant="additions" aria-label="Events">
      <ol>
        {[...all].reverse().slice(0, 80).map((e) => (
          <li key={e.id} class={`log-${e.kind}`}>
            <time dateTime={new Date(e.at).toISOString()}>{time(e.at)}</time>
            <span>{e.text}</span>
          </li>
        ))}
      </ol>
      {all.length === 0 && <p class="idle">Nothing has happened yet. Kill a node.</p>}
    </div>
  )
}

export function Troubles() {
  return (
    <div role="alert">
      {!link.value && <p class="away-note">The demonstration does not answer. It has ended in the terminal, or this page lost it; it looks for it.</p>}
      {trouble.value !== '' && (
        <p class="away-note">
          {trouble.value} <button type="button" class="button ghost small" onClick={() => (trouble.value = '')}>Well</button>
        </p>
      )}
    </div>
  )
}
