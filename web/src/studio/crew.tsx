import { useSignal } from '@preact/signals'
import { call, type Me } from '../people/api'
import { ask } from '../people/ask'
import { Copy } from '../people/copy'
import { useFetched, Waiting } from '../people/fetched'
import { Field, Form, type Read } from '../people/form'
import { Section } from '../people/section'
import { channel, type Role } from './desk'

interface Member {
  account: string
  name: string
  email?: string
  role: Role
}

const roles: Record<Role, string> = {
  owner: 'Owner: everything, also who works here',
  producer: 'Producer: cuts, sources, keys, settings',
  moderator: 'Moderator: sees all, holds back what viewers say',
}

/** Who works on the channel. */
export function Crew({ me }: { me: Me }) {
  const c = channel.value!
  const path = `/channels/${encodeURIComponent(c.slug)}/members`
  const list = useFetched<{ members: Member[] }>(path)
  const made = useSignal<{ link: string; sent: boolean } | null>(null)
  const rules = c.role === 'owner' || me.operator
  const invite = async (read: Read) => {
    const email = read('email').trim()
    made.value = await call('POST', '/invitations', { channel: c.slug, role: read('role'), ...(email ? { email } : {}) })
    return made.value!.sent ? `The link was sent to ${email}.` : ''
  }
  const remove = (m: Member) => ask({
    title: m.account === me.id ? 'Leave the channel?' : `Take ${m.name} off the channel?`, danger: true, word: m.account === me.id ? 'Leave' : 'Take off',
    text: 'An owner can invite them again at any time.',
    does: async () => {
      list.value.value = await call('DELETE', `${path}/${m.account}`)
      if (m.account === me.id) location.assign('/studio')
    },
  })
  const change = async (m: Member, role: string) => {
    list.value.value = await call<{ members: Member[] }>('PUT', `${path}/${m.account}`, { role }).catch((e: unknown) => {
      list.fault.value = e instanceof Error ? e.message : String(e)
      return list.value.value
    })
  }
  return (
    <Section id="crew" title="People" text="Who works on this channel with you.">
      <Waiting of={list} />
      {list.value.value?.members.length === 0 && <p class="dim">Nobody has a role here yet; operators may do everything.</p>}
      <ul class="lines">
        {(list.value.value?.members ?? []).map((m) => (
          <li key={m.account}>
            <span class="line-words"><strong>{m.name}</strong><span class="dim">{m.email ?? m.role}</span></span>
            {rules && (
              <span class="field crew-role">
                <select aria-label={`Role of ${m.name}`} value={m.role} onChange={(e) => void change(m, e.currentTarget.value)}>
                  {(Object.keys(roles) as Role[]).map((r) => <option key={r} value={r}>{r}</option>)}
                </select>
              </span>
            )}
            {(rules || m.account === me.id) && <button type="button" class="button ghost" aria-label={m.account === me.id ? 'Leave the channel' : `Take ${m.name} off`} onClick={() => remove(m)}>{m.account === me.id ? 'Leave' : 'Take off'}</button>}
          </li>
        ))}
      </ul>
      {rules && (
        <Form word="Make an invitation" look="ghost" does={invite} clear>
          <Field name="email" label="E-mail" type="email" required={false} maxLength={254} hint="May stay empty: then hand the link over yourself." />
          <fieldset class="choices">
            <legend>Role</legend>
            {(Object.keys(roles) as Role[]).map((r) => (
              <label key={r}><input type="radio" name="role" value={r} defaultChecked={r === 'producer'} /><span>{roles[r]}</span></label>
            ))}
          </fieldset>
        </Form>
      )}
      {made.value && <Copy label="The link" value={made.value.link} hint="It counts once, for a week." />}
    </Section>
  )
}
