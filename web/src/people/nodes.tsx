import { size } from '../figures/words'
import { Badge } from '../parts'
import { call } from './api'
import { ask } from './ask'
import { Waiting, useFetched } from './fetched'
import type { Fetched } from './fetched'
import { refresh, type Fleet, type State } from './fleet'
import { Section } from './section'
import { clockWords } from './words'

interface Node {
  name: string
  publicURL: string
  self: boolean
  ready: boolean
  version?: string
  state: 'alive' | 'suspect' | 'lost'
  reason?: string
  leaving?: boolean
  publishers: number
  viewers: number
  clock?: number
}

export function Nodes({ fleet }: { fleet: Fetched<Fleet> }) {
  const nodes = useFetched<{ nodes: Node[] }>('/nodes', refresh)
  return (
    <Section id="nodes" title="Nodes" text="As the node sees them that answers you.">
      <Waiting of={nodes} />
      {nodes.value.value !== null && <ul class="lines">{nodes.value.value.nodes.map((n) => <Line key={n.name} n={n} state={fleet.value.value?.nodes.find((s) => s.name === n.name)} alone={nodes.value.value!.nodes.filter((o) => o.state === 'alive' && !o.leaving).length < 2} again={nodes.again} />)}</ul>}
    </Section>
  )
}

function stateOf(n: Node): ['live' | 'behind' | 'off' | 'wait', string] {
  if (n.state === 'lost') return ['off', 'Lost']
  if (n.state === 'suspect') return ['wait', 'Suspected']
  if (n.leaving) return ['wait', 'Leaving']
  return n.ready ? ['behind', 'Alive'] : ['wait', 'Not ready']
}

function Line({ n, state: s, alone, again }: { n: Node; state: State | undefined; alone: boolean; again: () => Promise<void> }) {
  const [kind, word] = stateOf(n)
  const drain = () => ask({
    title: `Have ${n.name} leave?`, danger: true, word: 'Drain it',
    text: alone ? 'It is the only node: whatever is on air goes off air, and these pages answer no more until a node is started.' : 'Its publishers and viewers go to the other nodes, without a gap; then its process ends. Whatever started it may start it again.',
    does: async () => {
      await call('POST', `/nodes/${encodeURIComponent(n.name)}/drain`)
      await again()
      return `${n.name} leaves.`
    },
  })
  return (
    <li>
      <span class="line-words">
        <span class="line-head"><strong class="long">{n.name}</strong><Badge kind={kind}>{word}</Badge>{n.self && <span class="dim">answers you</span>}</span>
        {n.reason && <span>{n.reason}</span>}
        {s?.trouble && <span>It is there, but {s.trouble}.</span>}
        {s?.away ? <span>The bucket has not answered it for {Math.round(s.away)} s.</span> : null}
        <dl class="facts">
          <div><dt>Publishers</dt><dd>{n.publishers}</dd></div>
          <div><dt>Viewers</dt><dd>{n.viewers}</dd></div>
          <div><dt>Clock</dt><dd>{n.self ? 'its own' : clockWords(n.clock)}</dd></div>
          {s && s.trouble === undefined && <div><dt>Processors</dt><dd>{Math.round((s.cpu / s.processors) * 100)} % of {s.processors}</dd></div>}
          {s && s.trouble === undefined && <div><dt>Memory</dt><dd>{size(s.memory)}</dd></div>}
          {s && s.trouble === undefined && <div><dt>Not in the bucket yet</dt><dd>{size(s.backlog)}{s.spool > 0 && `, ${size(s.spool)} in the spool`}</dd></div>}
          <div><dt>Version</dt><dd class="long">{n.version || 'not known'}</dd></div>
        </dl>
      </span>
      {n.state === 'alive' && !n.leaving && <button type="button" class="button ghost" aria-label={`Drain ${n.name}`} onClick={drain}>Drain</button>}
    </li>
  )
}
