import { useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { call } from '../people/api'
import { ask } from '../people/ask'
import { Field, Heading } from '../people/form'
import { Frame, Own } from '../people/frame'
import { load } from '../people/whoami'
import { board, Boards, place } from './boards'
import { Card, Editor } from './clip'
import { size } from './find'
import { answer, clips, found, look, path, search, slug, take, trouble, type Clip } from './shelf'
import { add, busy, refused } from './uploads'
import { Ways } from './ways'
import '../styles/base.css'
import '../styles/sheet.css'
import '../styles/people.css'
import '../styles/library.css'

function fromWeb(): void {
  ask({
    title: 'A clip from the web', word: 'Fetch it', text: 'The address of a film, a sound or a photo that anybody may open. A node of this server fetches it.',
    field: <Field name="url" label="Address" maxLength={1000} />,
    does: async (read) => {
      take(await call<Clip>('POST', `${path}/clips`, { url: read('url').trim() }))
      void look()
    },
  })
}

function Library() {
  const input = useRef<HTMLInputElement>(null)
  const over = useSignal(false)
  useEffect(() => {
    void look()
    const stay = (e: BeforeUnloadEvent) => busy() && e.preventDefault()
    window.addEventListener('beforeunload', stay)
    return () => window.removeEventListener('beforeunload', stay)
  }, [])
  const a = answer.value
  if (a === null) return trouble.value ? <><Heading title="No library here" /><p class="away" role="alert">{trouble.value}</p><p><a href="/studio">Your channels</a></p></> : <p class="loading" role="status">One moment</p>
  const files = (e: DragEvent) => e.dataTransfer?.types.includes('Files') ?? false
  const onAdd = board.value !== null && !board.value.borrowed
  return (
    <div class={`library ${over.value ? 'is-over' : ''}`}
      onDragOver={(e) => { if (files(e)) { e.preventDefault(); over.value = true } }}
      onDragLeave={(e) => { if (!(e.relatedTarget instanceof Node) || !e.currentTarget.contains(e.relatedTarget)) over.value = false }}
      onDrop={(e) => { over.value = false; if (files(e)) { e.preventDefault(); void add([...(e.dataTransfer?.files ?? [])]) } }}>
      <header class="library-head">
        <Heading title="Library" />
        <p class="dim"><a href={`/studio/${slug}`}>Back to the studio</a></p>
        <div class="used">
          <progress aria-label="Room that is used" value={Math.min(1, a.used.bytes / a.quota.bytes)} max={1} />
          <span class="dim">{size(a.used.bytes)} of {size(a.quota.bytes)}, {a.used.clips} of {a.quota.clips} clips</span>
        </div>
      </header>
      {trouble.value && <p class="away" role="status">{trouble.value}</p>}
      <div class="drop">
        <p><strong>Drop films, sound or photos here</strong><span class="dim"> to put them into the library. A connection that breaks does no harm.</span></p>
        <input ref={input} type="file" multiple hidden accept="video/*,audio/*,image/*,.mkv,.ts,.mxf" onChange={(e) => { void add([...(e.currentTarget.files ?? [])]); e.currentTarget.value = '' }} />
        <div class="row drop-acts">
          <button type="button" class="button ghost" onClick={fromWeb}>From the web</button>
          <button type="button" class="button" onClick={() => input.current?.click()}>Choose files</button>
        </div>
      </div>
      {refused.value.length > 0 && <ul class="alert" role="alert">{refused.value.map((r) => <li key={r.name}><strong>{r.name}</strong>: {r.why}</li>)}</ul>}
      <div class="library-parts">
        <section aria-labelledby="clips" class="clips-part">
          <header class="boards-head">
            <h2 id="clips" tabIndex={-1}>Clips</h2>
            {clips.value.length > 0 && <input class="search" type="search" placeholder="Search" aria-label="Search clips" value={search.value} onInput={(e) => (search.value = e.currentTarget.value)} />}
          </header>
          {clips.value.length === 0 && <p class="dim">There are no clips yet.</p>}
          {clips.value.length > 0 && found.value.length === 0 && <p class="dim" role="status">Nothing is called like that.</p>}
          <ul class="clips">{found.value.map((c) => <Card key={c.id} c={c} onAdd={onAdd ? () => place(c.id) : null} />)}</ul>
        </section>
        <Boards />
      </div>
      <Ways />
      <Editor />
    </div>
  )
}

render(
  <Frame wide>
    <Own path={location.pathname}>{() => <Library />}</Own>
  </Frame>,
  document.getElementById('app')!,
)
void load()
