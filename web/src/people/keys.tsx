import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { call, type Me, type Scope } from './api'
import { ask } from './ask'
import { Copy } from './copy'
import { Field, Form, type Read } from './form'
import { addPasskey, knowsPasskeys } from './passkeys'
import { Section } from './section'
import { reloadMe, setMe } from './whoami'
import { day, known } from './words'

export function Passkeys({ me }: { me: Me }) {
  const add = async (read: Read) => {
    setMe(await addPasskey(read('name')))
    return 'The passkey is added.'
  }
  const remove = (index: number, name: string) =>
    ask({
      title: `Remove “${name}”?`,
      text: 'You cannot sign in with this passkey any more. It stays on your device until you remove it there too.',
      word: 'Remove the passkey',
      danger: true,
      does: async () => {
        await call('DELETE', `/me/passkeys/${index}`)
        await reloadMe()
        return 'The passkey is removed.'
      },
    })
  return (
    <Section id="passkeys" title="Passkeys" text="Sign in with your finger, your face or the code of your device. A passkey cannot be guessed or given away by mistake.">
      {me.passkeys.length > 0 && (
        <ul class="lines">
          {me.passkeys.map((k, i) => (
            <li key={`${k.name} ${k.created}`}>
              <span class="line-words"><strong>{k.name}</strong><span class="dim">since {day(k.created)}</span></span>
              <button type="button" class="button ghost" aria-label={`Remove the passkey ${k.name}`} onClick={() => remove(i, k.name)}>Remove</button>
            </li>
          ))}
        </ul>
      )}
      {knowsPasskeys() ? (
        <Form word="Add a passkey" look="ghost" does={add} clear>
          <Field name="name" label="What you call it" maxLength={80} required={false} hint="Such as “Phone” or “Laptop at home”." />
        </Form>
      ) : <p class="dim">This browser can add none here. Passkeys need https.</p>}
    </Section>
  )
}

const scopeWords: Record<Scope, string> = {
  read: 'See channels',
  produce: 'See channels, cut and moderate',
  manage: 'Also make, change and delete channels, and see their keys',
  operate: 'Also run this server',
}

export function Tokens({ me }: { me: Me }) {
  const made = useSignal('')
  const make = async (read: Read) => {
    const days = Number(read('days'))
    const answer = await call<{ id: string; token: string }>('POST', '/me/tokens', { name: read('name'), scopes: [read('scope')], ...(days > 0 ? { days } : {}) })
    made.value = answer.token
    await reloadMe()
  }
  const revoke = (id: string, name: string) =>
    ask({
      title: `Revoke “${name}”?`,
      text: 'Programs that use this token are refused from now on.',
      word: 'Revoke the token',
      danger: true,
      does: async () => {
        await call('DELETE', `/me/tokens/${encodeURIComponent(id)}`)
        made.value = '' // it may be the one that is shown
        await reloadMe()
        return 'The token is revoked.'
      },
    })
  return (
    <Section id="tokens" title="Tokens" text="A program that has one may do here what you may do, as far as the token allows. Send it as “Authorization: Bearer TOKEN”.">
      {me.tokens.length > 0 && (
        <ul class="lines">
          {me.tokens.map((t) => (
            <li key={t.id}>
              <span class="line-words">
                <strong>{t.name}</strong>
                <span class="dim">{t.scopes.join(', ')} · since {day(t.created)} · {known(t.expires) ? `until ${day(t.expires)}` : 'until it is revoked'}</span>
              </span>
              <button type="button" class="button ghost" aria-label={`Revoke the token ${t.name}`} onClick={() => revoke(t.id, t.name)}>Revoke</button>
            </li>
          ))}
        </ul>
      )}
      {made.value !== '' && <Copy label="The new token" value={made.value} hint="It is shown this once. Keep it where others do not look." />}
      <Form word="Make a token" look="ghost" does={make} clear>
        <Field name="name" label="What it is for" maxLength={60} />
        <ScopeField operator={me.operator} />
        <Field name="days" label="Days that it lasts" type="number" min={0} max={3650} value="90" hint="0: until you revoke it." />
      </Form>
    </Section>
  )
}

/** Each scope allows what those before it allow, so one is enough. */
function ScopeField({ operator }: { operator: boolean }) {
  const id = useId()
  const scopes = (Object.keys(scopeWords) as Scope[]).filter((s) => operator || s !== 'operate')
  return (
    <div class="field">
      <label for={id}>What it may do</label>
      <select id={id} name="scope">
        {scopes.map((s) => <option key={s} value={s}>{scopeWords[s]}</option>)}
      </select>
    </div>
  )
}
