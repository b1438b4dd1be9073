import { airtime } from '../player/Screen'
import { size } from '../library/find'
import { call } from '../people/api'
import { ask } from '../people/ask'
import { Act, Field, Outcome, useTask } from '../people/form'
import { Cutter } from './cutter'
import type { Recording } from './list'
import { Marking } from './marks'

const marking = new Marking(() => airtime.value)

/** What people who work on the channel do with a recording. take hears what became of it. */
export function Crew({ slug, r, take }: { slug: string; r: Recording; take: (r: Recording) => void }) {
  const task = useTask()
  const path = `/channels/${encodeURIComponent(slug)}/recordings/${r.id}`
  const change = async (body: object) => take(await call<Recording>('PATCH', path, body))
  const rename = () => ask({
    title: 'Another title', word: 'Save', text: 'Viewers see it in the list of recordings.', field: <Field name="title" label="Title" value={r.title} maxLength={120} />,
    does: async (read) => change({ title: read('title').trim() }),
  })
  const remove = () => ask({
    title: `Delete ${r.title}?`, danger: true, word: 'Delete', text: 'It cannot be played any more from now on. Clips that were cut out of it stay.',
    does: async () => {
      await call('DELETE', path)
      location.assign(`/${slug}`)
    },
  })
  return (
    <section class="crew" aria-label="For people who work on the channel">
      <div class="crew-part">
        <h2>Cut out a clip</h2>
        <p class="dim">Mark where it begins and where it ends, while you watch. The recording stays as it is.</p>
        <Cutter slug={slug} recording={r.id} marking={marking} />
      </div>
      <div class="crew-part">
        <h2>The recording</h2>
        <p class="dim">{size(r.bytes)}{r.hidden ? '. Only people who work on the channel see it' : r.state === 'onAir' ? '. Viewers see it when it is over' : ''}{r.state === 'kept' ? '. It is still being copied together; that changes nothing for viewers' : ''}.</p>
        <Download path={path} r={r} take={take} />
        <div class="row">
          <button type="button" class="button ghost" onClick={rename}>Rename</button>
          <Act task={task} word={r.hidden ? 'Show to viewers' : 'Hide from viewers'} does={() => change({ hidden: !r.hidden })} />
          <button type="button" class="button danger" onClick={remove}>Delete</button>
        </div>
        <Outcome task={task} />
      </div>
    </section>
  )
}

/** All of it as one MP4, which where its parts are of several kinds has to be made first. */
function Download({ path, r, take }: { path: string; r: Recording; take: (r: Recording) => void }) {
  const task = useTask()
  const { state, progress = 0, fault = '', bytes = 0 } = r.export ?? { state: 'ready' as const }
  if (state === 'ready') return <div class="row"><a class="button" href={r.download ?? ''} download>Download MP4</a>{bytes > 0 && <span class="dim">{size(bytes)}</span>}</div>
  if (state === 'making') {
    return (
      <div class="crew-making">
        <progress aria-label="How far the MP4 is" {...(progress > 0 && { value: progress })} max={1} />
        <p class="dim">The MP4 is being made{progress > 0 ? `, ${Math.floor(progress * 100)} %` : ''}. It goes on if you leave this page.</p>
      </div>
    )
  }
  if (r.state !== 'whole') return <p class="dim">Its pictures or sound are of several kinds. An MP4 of it can be made when it is copied together, some minutes after its end.</p>
  return (
    <>
      {fault !== '' && <p class="alert" role="alert">{fault}</p>}
      <div class="row"><Act task={task} look="main" word={state === 'failed' ? 'Try again' : 'Make an MP4'} does={async () => take(await call<Recording>('POST', `${path}/export`))} /></div>
      {fault === '' && <p class="dim">Its pictures or sound are of several kinds, so they have to be made one first. That takes a while; you can download it then.</p>}
      <Outcome task={task} />
    </>
  )
}
