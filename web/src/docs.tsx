import { signal } from '@preact/signals'
import { render } from 'preact'
import { readSpec, type Operation, type Spec } from './openapi'
import { Brand } from './parts'
import './styles/base.css'
import './styles/docs.css'

const spec = signal<Spec | null>(null)
const fault = signal(false)

async function load(): Promise<void> {
  try {
    const response = await fetch('/api/v1/openapi.json')
    if (!response.ok) throw new Error(String(response.status))
    spec.value = readSpec(await response.json(), location.origin)
    fault.value = false
  } catch {
    fault.value = true
    window.setTimeout(() => void load(), 3000)
  }
}

function Docs() {
  const s = spec.value
  return (
    <>
      <header class="top">
        <Brand />
        <nav><a href="/">Guide</a></nav>
      </header>
      <main class="docs">
        {s === null ? <p role="status">{fault.value ? 'The description is out of reach. It is asked for again by itself.' : 'Reading the description'}</p> : <Described spec={s} />}
      </main>
    </>
  )
}

function Described({ spec: s }: { spec: Spec }) {
  return (
    <>
      <aside>
        <nav aria-label="Operations">
          {s.groups.map((g) => (
            <div key={g.name}>
              {g.name && <h2>{g.name}</h2>}
              <ul>{g.operations.map((o) => <li key={o.id}><a href={`#${o.id}`}><Method m={o.method} />{o.summary || o.path}</a></li>)}</ul>
            </div>
          ))}
        </nav>
      </aside>
      <article>
        <h1>{s.title} <small>{s.version}</small></h1>
        <p class="lead">{s.description || 'JSON over HTTP. What changes something needs a bearer token; reading what viewers may see needs none.'}</p>
        <p class="lead">The whole description is at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>. Errors come as <code>application/problem+json</code>, with a sentence that says what was wrong.</p>
        {s.groups.flatMap((g) => g.operations).map((o) => <One key={o.id} o={o} />)}
      </article>
    </>
  )
}

const Method = ({ m }: { m: string }) => <span class={`method m-${m.toLowerCase()}`}>{m}</span>

function One({ o }: { o: Operation }) {
  return (
    <section id={o.id} class="operation">
      <h3>{o.summary || o.path}</h3>
      <p class="route"><Method m={o.method} /><code>{o.path}</code>{o.token && <span class="token">token</span>}</p>
      {o.description && o.description !== o.summary && <p>{o.description}</p>}
      <Fields title="Parameters" rows={o.parameters} />
      <Fields title="Body" rows={o.body} />
      <pre tabIndex={0} aria-label="Example"><code>{o.curl}</code></pre>
      <p class="answers">{o.answers.map((a) => <span key={a.status}><b>{a.status}</b> {a.text}</span>)}</p>
    </section>
  )
}

function Fields({ title, rows }: { title: string; rows: Operation['parameters'] }) {
  if (rows.length === 0) return null
  return (
    <table>
      <caption>{title}</caption>
      <tbody>
        {rows.map((r) => (
          <tr key={r.name}>
            <th scope="row"><code>{r.name}</code>{r.required && <i> required</i>}</th>
            <td class="kind">{r.kind}</td>
            <td>{r.text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

document.title = 'API · Mayfly'
render(<Docs />, document.getElementById('app')!)
void load()
