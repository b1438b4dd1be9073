import { useId } from 'preact/hooks'
import { call, Problem, type Me } from '../people/api'
import { ask } from '../people/ask'
import { Field, Form, type Read } from '../people/form'
import { Section } from '../people/section'
import { channel, take, type Channel } from './desk'

/** So exact that the same seconds come back. */
const hours = (seconds: number) => String(Math.round((seconds / 3600) * 10_000) / 10_000)

/** What goes on air by itself, and what is kept of it. */
export function Settings({ me }: { me: Me }) {
  const c = channel.value!
  const path = `/channels/${encodeURIComponent(c.slug)}`
  const save = async (read: Read) => {
    take(await call<Channel>('PATCH', path, {
      autoLive: read('auto') === 'yes',
      keep: read('keep') === 'yes', record: read('record') === 'yes', recordDays: Math.round(Number(read('days')) || 0), dvrWindow: Math.round(Number(read('window')) * 3600),
    }))
    return 'Saved.'
  }
  const remove = () => ask({
    title: `Delete ${c.title}?`, danger: true, word: 'Delete the channel',
    text: 'It goes off air at once, its address answers no more and may be taken by others, and its recording is lost. Type the address to go on.',
    field: <Field name="slug" label={`Type ${c.slug}`} />,
    does: async (read) => {
      if (read('slug') !== c.slug) throw new Problem(422, 'That is not the address: nothing was deleted.')
      await call('DELETE', path)
      location.assign('/studio')
    },
  })
  return (
    <Section id="settings" title="On air and after" word="Settings">
      <Form word="Save" does={save}>
        <Field name="window" label="Hours that viewers can rewind" type="number" value={hours(c.dvrWindow)} min={0.0167} max={168} step="any" />
        <Check name="auto" on={c.autoLive !== false} label="The first source that connects goes on air" hint="Else it waits for a cut." />
        <Check name="record" on={c.record === true} label="Keep every broadcast" hint="As a recording that viewers find on the channel’s page when it has ended." />
        <Field name="days" label="Days that recordings are kept" type="number" required={false} min={0} max={3650} value={c.recordDays ? String(c.recordDays) : ''} hint="Empty: until there is no room for new ones." />
        <Check name="keep" on={c.keep === true} label="Keep everything" hint="Nothing is deleted when it leaves the rewind window." />
      </Form>
      {(c.role === 'owner' || me.operator) && <Burn c={c} path={path} />}
      {(c.role === 'owner' || me.operator) && <div class="row"><button type="button" class="button danger" onClick={remove}>Delete the channel</button></div>}
    </Section>
  )
}

/** Graphics in the pictures, for players that are not ours: what it is, what it costs and where it is. */
function Burn({ c, path }: { c: Channel; path: string }) {
  const id = useId()
  const save = async (read: Read) => {
    take(await call<Channel>('PATCH', path, { burn: read('burn') === 'yes' }))
    return 'Saved.'
  }
  const closed = c.visibility === 'private' || c.password === true
  return (
    <Form word="Save graphics in the picture" does={save}>
      <Check name="burn" on={c.burn === true} label="Graphics in the picture for other players" hint="Other apps and televisions show no graphics. This makes a second program, at most 720p, with the graphics in its pictures. While somebody watches it, one of the server’s machines draws and encodes it, which takes up to one processor; while nobody does, it costs nothing." />
      {c.burnt && (
        <div class="field">
          <label for={id}>Address for other players</label>
          <input id={id} type="url" readOnly value={new URL(c.burnt, location.href).href} aria-describedby={`${id}-hint`} onFocus={(e) => e.currentTarget.select()} />
          <small id={`${id}-hint`}>{closed ? 'Put ?t= and the token of a playback link behind it: who may watch the channel may watch this.' : 'For any player of HLS. Some six seconds later than the channel’s own.'}</small>
        </div>
      )}
    </Form>
  )
}

function Check({ name, on, label, hint }: { name: string; on: boolean; label: string; hint: string }) {
  return <label class="check"><input type="checkbox" name={name} value="yes" defaultChecked={on} /><span>{label}<small>{hint}</small></span></label>
}
