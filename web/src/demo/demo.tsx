import { signal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { at, channelsAt } from '../origin'
import { Mark } from '../parts'
import { kindOf } from '../player/keys'
import { readOptions } from '../player/options'
import { current, Player } from '../player/Player'
import { kill, listen, start, state, takeBucket } from './live'
import { Aim, BucketCard, Counters, Log, NodeCard, Timeline, Troubles, Who } from './parts'
import { expose, reset, watch } from './watch'
import '../styles/base.css'
import '../styles/player.css'
import '../styles/sheet.css'
import '../styles/watch.css'
import '../styles/demo.css'

channelsAt(document.querySelector<HTMLMetaElement>('meta[name=mayfly-channels]')?.content ?? '')
const slug = signal('live')

/** Nothing but what a player does by itself. */
const plain = readOptions('', false)

function Demo() {
  const help = useRef<HTMLDialogElement>(null)
  const session = current.value
  useEffect(() => (session === null ? undefined : watch(session)), [session])
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => press(e)
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  const s = state.value
  const channel = s?.channels.find((c) => c.slug === slug.value)
  const latency = session?.latency.value ?? null
  return (
    <>
      <a class="skip" href="#nodes">Skip to the nodes</a>
      <header class="top">
        <a class="brand" href={at('/')} target="_blank" rel="noreferrer" aria-label="Mayfly, to the guide (new tab)">
          <Mark />
          <span>Mayfly</span>
        </a>
        <p class="claim">Every machine may vanish. The channel does not.</p>
        <nav>
          <a href={at(`/${slug.value}`)} target="_blank" rel="noreferrer">Watch page</a>
          <a href={at('/api/docs')} target="_blank" rel="noreferrer">API</a>
          <button type="button" class="link" onClick={() => help.current?.showModal()}>Keys</button>
        </nav>
      </header>
      <main class="demo">
        <h1 class="hidden-words">Mayfly demonstration</h1>
        <Troubles />
        <div class="stage-side">
          <Player options={plain} key={slug.value} slug={slug.value} onHelp={() => help.current?.showModal()} />
          <div class="under">
            <div class="tabs" role="group" aria-label="Channel">
              {(s?.channels ?? []).map((c) => (
                <button key={c.slug} type="button" aria-pressed={c.slug === slug.value} onClick={() => (slug.value = c.slug)}>
                  {c.slug}
                  <small>{c.how === 'push' ? 'lossless' : 'RTMP'}</small>
                </button>
              ))}
            </div>
            <Who channel={channel} latency={latency} />
          </div>
          <Counters />
          <Timeline slug={slug.value} />
        </div>
        <aside class="nodes-side" id="nodes" aria-label="The fleet">
          <h2 class="hidden-words">Nodes</h2>
          <ul class="nodes">{(s?.nodes ?? []).map((n, i) => <NodeCard key={n.name} n={n} index={i} channel={slug.value} />)}</ul>
          <Aim channel={channel} />
          <BucketCard />
          <Log />
        </aside>
      </main>
      <Help dialog={help} />
    </>
  )
}

function press(e: KeyboardEvent): void {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || document.querySelector('dialog[open]')) return
  if (kindOf(e.composedPath()[0] ?? e.target) === 'text') return
  const s = state.value
  const n = /^[1-9]$/.test(e.key) ? s?.nodes[Number(e.key) - 1] : undefined
  if (n !== undefined) void (n.state === 'dead' ? start(n.name) : kill(n.name))
  else if (e.key.toLowerCase() === 'b' && s) void takeBucket(!s.bucket.away)
  else if (e.key.toLowerCase() === 'z') reset()
  else return
  e.preventDefault()
}

const keys: [string[], string][] = [
  [['1', '2', '3'], 'Kill the node, or start it again'],
  [['B'], 'Take the bucket away, or give it back'],
  [['Z'], 'Count anew'],
  [['Space', 'K'], 'Play or pause'],
  [['←', '→'], 'Back or on by 10 seconds'],
  [['L'], 'Jump to live'],
  [['M'], 'Sound on or off'],
  [['?'], 'This list'],
]

function Help({ dialog }: { dialog: preact.RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {keys.map(([k, what]) => (
          <div key={what}>
            <dt>{k.map((x) => <kbd key={x}>{x}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h2 class="how-title">How it is counted</h2>
      <p class="how">
        Each picture carries its number as a row of squares at its lower edge. This page reads it from every picture that the browser puts on the screen. A number that
        never came is a lost frame, unless the stream had it and this computer was too slow to draw it: that is counted apart. Nothing counts while the page is hidden,
        paused or rewound.
      </p>
      <form method="dialog"><button class="button">Close</button></form>
    </dialog>
  )
}

listen()
expose()
render(<Demo />, document.getElementById('app')!)
