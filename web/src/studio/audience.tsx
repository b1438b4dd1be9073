import { useSignal } from '@preact/signals'
import { call, type Me } from '../people/api'
import { ask } from '../people/ask'
import { Copy } from '../people/copy'
import { useFetched, Waiting } from '../people/fetched'
import { Act, Field, Form, Outcome, Password, useTask, type Read } from '../people/form'
import { Section } from '../people/section'
import { moment } from '../people/words'
import { Choice } from './choices'
import { channel, take, type Channel } from './desk'

const choices = [
  ['listed', 'Everybody', 'The guide shows it.'],
  ['unlisted', 'Whoever has the address', 'The guide does not show it.'],
  ['private', 'Who works on it', 'And whoever has a playback link. Nobody else learns its title.'],
] as const

/** Who may watch. */
export function Audience({ me }: { me: Me }) {
  const c = channel.value!
  const path = `/channels/${encodeURIComponent(c.slug)}`
  const save = async (read: Read) => {
    take(await call<Channel>('PATCH', path, { visibility: read('visibility'), viewerLimit: Math.round(Number(read('limit')) || 0) }))
    return 'Saved.'
  }
  return (
    <Section id="audience" title="Who may watch" word="Audience">
      <Form word="Save" does={save}>
        <fieldset class="choices">
          <legend class="hidden-words">Who may watch</legend>
          {choices.map(([value, title, text]) => (
            <label key={value}>
              <input type="radio" name="visibility" value={value} defaultChecked={c.visibility === value} />
              <span><strong>{title}</strong><small>{text}</small></span>
            </label>
          ))}
        </fieldset>
        <Field name="limit" label="Viewers at once, at most" type="number" required={false} min={0} max={1_000_000} value={c.viewerLimit ? String(c.viewerLimit) : ''} hint="Empty: any number. Who comes when there is no room is told so, and let in later." />
      </Form>
      {c.visibility !== 'private' && <Locked path={path} />}
      {(c.role === 'owner' || c.role === 'producer' || me.operator) && c.visibility !== undefined && <Links path={path} />}
    </Section>
  )
}

/** A password that viewers enter once. */
function Locked({ path }: { path: string }) {
  const c = channel.value!
  const task = useTask()
  const set = async (read: Read) => {
    take(await call<Channel>('PATCH', path, { password: read('password') }))
    return 'Saved. Who watches enters it now.'
  }
  const remove = async () => {
    take(await call<Channel>('PATCH', path, { password: '' }))
    return 'There is no password any more.'
  }
  return (
    <div class="sub">
      <h3>Password for viewers</h3>
      <p class="dim">{c.password ? 'Viewers enter a password once. A new one is asked of everybody who watches.' : 'With a password, only who knows it can watch. 6 characters at least.'}</p>
      <Form word={c.password ? 'Set another password' : 'Set a password'} look="ghost" does={set} clear
        beside={c.password && <Act task={task} look="danger" word="Take the password away" does={remove} />}>
        <Password label={c.password ? 'New password for viewers' : 'Password for viewers'} made="off" />
      </Form>
      <Outcome task={task} />
    </div>
  )
}

interface Link {
  id: string
  name: string
  created: string
  expires?: string
  page: string
  playlist: string
}

const lives = [['1', 'For an hour'], ['24', 'For a day'], ['168', 'For a week'], ['0', 'Until I revoke it']] as const

/** Links that let whoever has them watch. */
function Links({ path }: { path: string }) {
  const list = useFetched<{ links: Link[] }>(`${path}/links`)
  const made = useSignal<Link | null>(null)
  const all = list.value.value?.links ?? []
  const make = async (read: Read) => {
    made.value = await call<Link>('POST', `${path}/links`, { name: read('name').trim(), hours: Number(read('hours')) })
    await list.again()
  }
  return (
    <div class="sub">
      <h3>Playback links</h3>
      <p class="dim">Whoever has such a link can watch without an account or a password, also in a player such as VLC.</p>
      <Waiting of={list} />
      {all.length > 0 && <ul class="lines">{all.map((l) => <Line key={l.id} l={l} path={path} again={list.again} open={made.value?.id === l.id} />)}</ul>}
      <Form word="Make a link" look="ghost" does={make} clear>
        <Field name="name" label="For whom" maxLength={120} hint="Only you see it, to know which link to revoke." />
        <Choice name="hours" label="How long it counts" value="24" options={lives} />
      </Form>
    </div>
  )
}

function Line({ l, path, again, open }: { l: Link; path: string; again: () => Promise<void>; open: boolean }) {
  const shown = useSignal(open)
  const revoke = () => ask({
    title: `Revoke the link for ${l.name}?`, danger: true, word: 'Revoke it', text: 'Who watches by it is sent away, and the link opens nothing any more.',
    does: async () => {
      await call('DELETE', `${path}/links/${encodeURIComponent(l.id)}`)
      await again()
      return `The link for ${l.name} is revoked.`
    },
  })
  return (
    <li>
      <span class="line-words"><strong class="long">{l.name}</strong><span class="dim">{l.expires ? `until ${moment(l.expires)}` : 'until you revoke it'}</span></span>
      <span class="row">
        <button type="button" class="button ghost" aria-expanded={shown.value} aria-label={`Show the link for ${l.name}`} onClick={() => (shown.value = !shown.value)}>{shown.value ? 'Hide' : 'Show'}</button>
        <button type="button" class="button danger" aria-label={`Revoke the link for ${l.name}`} onClick={revoke}>Revoke</button>
      </span>
      {shown.value && (
        <div class="account-changes">
          <Copy label="Address for players" value={l.playlist} />
          <Copy label="Link to the page" value={l.page} />
        </div>
      )}
    </li>
  )
}
