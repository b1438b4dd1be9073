import { Badge } from '../parts'
import { Waiting, useFetched } from './fetched'
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

const refresh = 5_000

export function Nodes() {
  const nodes = useFetched<{ nodes: Node[] }>('/nodes', refresh)
  return (
    <Section id="nodes" title="Nodes" text="As the node sees them that answers you.">
      <Waiting of={nodes} />
      {nodes.value.value !== null && <ul class="lines">{nodes.value.value.nodes.map((n) => <Line key={n.name} n={n} />)}</ul>}
    </Section>
  )
}

function stateOf(n: Node): ['live' | 'behind' | 'off' | 'wait', string] {
  if (n.state === 'lost') return ['off', 'Lost']
  if (n.state === 'suspect') return ['wait', 'Suspected']
  if (n.leaving) return ['wait', 'Leaving']
  return n.ready ? ['behind', 'Alive'] : ['wait', 'Not ready']
}

function Line({ n }: { n: Node }) {
  const [kind, word] = stateOf(n)
  return (
    <li>
      <span class="line-words">
        <span class="line-head"><strong class="long">{n.name}</strong><Badge kind={kind}>{word}</Badge>{n.self && <span class="dim">answers you</span>}</span>
        {n.reason && <span>{n.reason}</span>}
        <dl class="facts">
          <div><dt>Publishers</dt><dd>{n.publishers}</dd></div>
          <div><dt>Viewers</dt><dd>{n.viewers}</dd></div>
          <div><dt>Clock</dt><dd>{n.self ? 'its own' : clockWords(n.clock)}</dd></div>
          <div><dt>Version</dt><dd class="long">{n.version || 'not known'}</dd></div>
        </dl>
      </span>
    </li>
  )
}
