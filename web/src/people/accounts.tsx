import { useSignal } from '@preact/signals'
import { Badge } from '../parts'
import { call, type Me } from './api'
import { ask } from './ask'
import { Copy } from './copy'
import { Waiting, useFetched } from './fetched'
import { Act, Field, Outcome, useTask } from './form'
import { Section } from './section'
import { day } from './words'

interface Person {
  id: string
  email: string
  name: string
  created: string
  confirmed?: string
  operator: boolean
  owner: boolean
  suspended?: string
  channels: number
}

interface Page {
  accounts: Person[]
  next?: string
}

/** Tells the list what became of somebody; null: the account is gone. */
type Changed = (id: string, now: Person | null) => void

export function Accounts({ me }: { me: Me }) {
  const page = useFetched<Page>('/accounts')
  const task = useTask()
  const p = page.value.value
  const changed: Changed = (id, now) => {
    const was = page.value.value
    if (was === null) return
    page.value.value = { ...was, accounts: was.accounts.flatMap((a) => (a.id !== id ? [a] : now === null ? [] : [now])) }
  }
  const more = async () => {
    const following = await call<Page>('GET', `/accounts?after=${encodeURIComponent(p!.next!)}`)
    page.value.value = { ...following, accounts: [...p!.accounts, ...following.accounts] }
  }
  return (
    <Section id="accounts" title="Accounts">
      <Waiting of={page} />
      {p !== null && <ul class="lines">{p.accounts.map((a) => <Line key={a.id} a={a} me={me} changed={changed} />)}</ul>}
      {p?.next && <div class="row"><Act task={task} word="More accounts" does={more} /></div>}
      <Outcome task={task} />
    </Section>
  )
}

const channels = (n: number): string => (n === 0 ? 'owns no channels' : n === 1 ? 'owns 1 channel' : `owns ${n} channels`)

function Line({ a, me, changed }: { a: Person; me: Me; changed: Changed }) {
  const open = useSignal(false)
  // Nobody changes the own account here, and the owner's only the owner, on its own page.
  const fixed = a.id === me.id || a.owner
  return (
    <li class="account">
      <span class="line-words">
        <span class="line-head">
          <strong class="long">{a.name}</strong>
          {a.owner ? <Badge kind="behind">Owner</Badge> : a.operator && <Badge kind="behind">Operator</Badge>}
          {a.suspended && <Badge kind="off">Suspended</Badge>}
        </span>
        <span class="long">{a.email}</span>
        <span class="dim">since {day(a.created)} · {channels(a.channels)}{a.confirmed ? '' : ' · address not confirmed'}</span>
        {a.suspended && <span>Suspended: {a.suspended}</span>}
      </span>
      {fixed ? a.id === me.id && <span class="dim">this is you</span> : (
        <button type="button" class="button ghost" aria-expanded={open.value} aria-label={`Change the account of ${a.name}`} onClick={() => (open.value = !open.value)}>Change</button>
      )}
      {open.value && !fixed && <Changes a={a} me={me} changed={changed} />}
    </li>
  )
}

function Changes({ a, me, changed }: { a: Person; me: Me; changed: Changed }) {
  const task = useTask()
  const link = useSignal('')
  const path = `/accounts/${encodeURIComponent(a.id)}`
  const patch = async (body: { operator?: boolean; suspended?: string }) => changed(a.id, await call<Person>('PATCH', path, body))
  const passwordLink = async () => {
    link.value = (await call<{ link: string }>('POST', `${path}/password-link`)).link
  }
  return (
    <div class="account-changes">
      <div class="row">
        {a.operator ? <button type="button" class="button ghost" onClick={() => demote(a, patch)}>No operator any more</button>
          : <button type="button" class="button ghost" onClick={() => promote(a, patch)}>Make an operator</button>}
        <Act task={task} word="Link for a new password" does={passwordLink} />
        {a.suspended ? <Act task={task} word="End the suspension" does={() => patch({ suspended: '' })} />
          : <button type="button" class="button ghost" onClick={() => suspend(a, patch)}>Suspend</button>}
        {me.owner && !a.suspended && <button type="button" class="button ghost" onClick={() => passOn(a)}>Make the owner</button>}
        <button type="button" class="button danger" onClick={() => remove(a, changed)}>Delete</button>
      </div>
      <Outcome task={task} />
      {link.value !== '' && <Copy label={`Link for ${a.name}`} value={link.value} hint="Hand it over yourself. It sets a new password once, within an hour." />}
    </div>
  )
}

type Patch = (body: { operator?: boolean; suspended?: string }) => Promise<void>

function promote(a: Person, patch: Patch): void {
  ask({
    title: `Make ${a.name} an operator?`,
    text: 'An operator sees all accounts and channels, and may do all that is on this page.',
    word: 'Make an operator',
    does: async () => {
      await patch({ operator: true })
      return `${a.name} is an operator.`
    },
  })
}

function demote(a: Person, patch: Patch): void {
  ask({
    title: `${a.name}: no operator any more?`,
    text: 'The account stays, with the roles that it has in channels.',
    word: 'Take it away',
    danger: true,
    does: async () => {
      await patch({ operator: false })
      return `${a.name} is no operator any more.`
    },
  })
}

function suspend(a: Person, patch: Patch): void {
  ask({
    title: `Suspend ${a.name}?`,
    text: 'The person can do nothing here until you end it. Who tries to sign in is told the reason.',
    word: 'Suspend',
    danger: true,
    field: <Field name="reason" label="Reason" maxLength={500} />,
    does: async (read) => {
      await patch({ suspended: read('reason') })
      return `${a.name} is suspended.`
    },
  })
}

function passOn(a: Person): void {
  ask({
    title: `Make ${a.name} the owner?`,
    text: 'You stay an operator. Only the new owner can give it back to you.',
    word: 'Make the owner',
    danger: true,
    does: async () => {
      await call('POST', `/accounts/${encodeURIComponent(a.id)}/own`)
      location.reload()
    },
  })
}

function remove(a: Person, changed: Changed): void {
  ask({
    title: `Delete the account of ${a.name}?`,
    text: `All that is kept of ${a.email} goes, at once and for good. Channels that nobody else owns stand in the way.`,
    word: 'Delete the account',
    danger: true,
    does: async () => {
      await call('DELETE', `/accounts/${encodeURIComponent(a.id)}`)
      changed(a.id, null)
      return `The account of ${a.name} is deleted.`
    },
  })
}
