import { call, type Me, type Session } from './api'
import { Act, Field, Form, Outcome, Password, useTask, type Read } from './form'
import { home } from './paths'
import { Section } from './section'
import { reloadMe, session, setMe } from './whoami'
import { day, known } from './words'

export function NameOf({ me }: { me: Me }) {
  const rename = async (read: Read) => {
    setMe(await call<Me>('PATCH', '/me', { name: read('name') }))
    return 'Others see the new name now.'
  }
  return (
    <Section id="name" title="Name" text={`Others see it. You are here since ${day(me.created)}.`}>
      <Form word="Change the name" look="ghost" does={rename}>
        <Field name="name" label="Name" autocomplete="name" maxLength={80} value={me.name} />
      </Form>
    </Section>
  )
}

export function EmailAddress({ me, letters }: { me: Me; letters: boolean }) {
  const task = useTask()
  const change = async (read: Read) => {
    const email = read('email').trim()
    await call('PUT', '/me/email', { email })
    if (letters) return `A letter is on its way to ${email}. The address counts once you open the link in it.`
    await reloadMe()
    return 'You sign in with the new address from now on.'
  }
  const again = async () => {
    await call('PUT', '/me/email', { email: me.email })
    return `A letter is on its way to ${me.email}.`
  }
  const confirmed = known(me.confirmed)
  return (
    <Section id="email" title="E-mail" text="You sign in with it. Only you and the operators of this server see it.">
      <p>
        <strong class="long">{me.email}</strong>{' '}
        <span class="dim">{confirmed ? `confirmed on ${day(me.confirmed)}` : letters ? 'not confirmed yet: open the link in the letter that was sent to it' : 'not confirmed: this server sends no letters'}</span>
      </p>
      {!confirmed && letters && (
        <div>
          <Act task={task} word="Send the letter again" does={again} />
          <Outcome task={task} />
        </div>
      )}
      <Form word="Change the address" look="ghost" does={change} clear>
        <Field name="email" label="New e-mail" type="email" autocomplete="email" maxLength={254} />
      </Form>
    </Section>
  )
}

export function PasswordOf({ me }: { me: Me }) {
  const set = async (read: Read) => {
    const body = { password: read('password'), ...(me.password ? { present: read('present') } : {}) }
    session.value = await call<Session>('PUT', '/me/password', body)
    return 'The new password is set. Everywhere else you are signed out.'
  }
  return (
    <Section id="password" title="Password" text={me.password ? 'A new one signs you out everywhere else.' : 'You have none. With one you can sign in without a passkey or another service.'}>
      <Form word={me.password ? 'Change the password' : 'Set a password'} look="ghost" does={set} clear>
        {/* Password managers want to know whose password it is. */}
        <input hidden type="text" name="username" autocomplete="username" value={me.email} readOnly />
        {me.password && <Password name="present" label="Present password" />}
        <Password label="New password" made />
      </Form>
    </Section>
  )
}

/** The services that one signs in with. */
export function Logins({ me, provider }: { me: Me; provider: string }) {
  return (
    <Section id="logins" title="Other services" text="You can sign in with these instead of a password.">
      {me.logins.length > 0 && <ul class="lines">{me.logins.map((l) => <li key={l.issuer + l.subject}><span class="line-words"><strong class="long">{l.issuer}</strong><span class="dim long">{l.subject}</span></span></li>)}</ul>}
      {provider && <div class="row"><a class="button ghost" href={`/login/oidc?link=1&next=${encodeURIComponent(home)}`}>Connect {provider}</a></div>}
    </Section>
  )
}
