import { useSignal } from '@preact/signals'
import { call, type Session } from './api'
import { Act, Alert, Field, Form, Heading, Outcome, Password, useTask, type Read } from './form'
import { Known } from './frame'
import { asSentence } from './problems'
import { knowsPasskeys, signInByPasskey } from './passkeys'
import { localPath } from './paths'
import { signOut } from './whoami'

const query = new URLSearchParams(location.search)
const next = localPath(query.get('next'))
const withNext = (path: string): string => (query.has('next') ? `${path}?next=${encodeURIComponent(next)}` : path)

/** Goes on as whoever just signed in. The page is loaded anew, so that nothing of before stays in it. */
export function goOn(to: string): void {
  location.assign(to)
}

export const Email = ({ value = '' }: { value?: string }) => (
  <Field name="email" label="E-mail" type="email" autocomplete="username webauthn" maxLength={254} value={value} />
)

export const Name = ({ value = '' }: { value?: string }) => (
  <Field name="name" label="Name" autocomplete="name" maxLength={80} required={false} value={value} hint="Others see it. It may stay empty." />
)

export function SignIn() {
  return (
    <>
      <Heading title="Sign in" />
      <Alert text={asSentence(query.get('problem') ?? '')} />
      <Known>{(s) => (s.me ? <Already name={s.me.name} email={s.me.email} /> : <Ways s={s} />)}</Known>
    </>
  )
}

function Ways({ s }: { s: Session }) {
  const signIn = async (read: Read) => {
    await call('POST', '/session', { email: read('email').trim(), password: read('password') })
    goOn(next)
  }
  return (
    <>
      {!s.owned && <p class="notice">Nobody owns this server yet. Its log prints a link that makes the owner's account: open that first.</p>}
      <Form word="Sign in" does={signIn}>
        <Email />
        <Password />
      </Form>
      <Others s={s} />
      <ul class="ways">
        <li><a href="/login/forgot">Forgot your password?</a></li>
        {s.signUp === 'open' && <li><a href={withNext('/login/new')}>Make an account</a></li>}
      </ul>
      {s.owned && s.signUp !== 'open' && <p class="dim">{uninvited(s)}</p>}
    </>
  )
}

const uninvited = (s: Session): string =>
  s.signUp === 'closed' ? 'No new accounts are made on this server at the moment.' : 'To make an account you need an invitation. Ask whoever runs this server for one.'

/** Ways in without a password. */
function Others({ s }: { s: Session }) {
  const task = useTask()
  const byKey = async () => {
    await signInByPasskey()
    goOn(next)
  }
  if (!knowsPasskeys() && !s.provider) return null
  return (
    <div class="others">
      <p class="or"><span>or</span></p>
      {knowsPasskeys() && <Act task={task} word="Sign in with a passkey" does={byKey} />}
      {knowsPasskeys() && <Outcome task={task} />}
      {s.provider && <a class="button ghost" href={`/login/oidc?next=${encodeURIComponent(next)}`}>Sign in with {s.provider}</a>}
    </div>
  )
}

function Already({ name, email }: { name: string; email: string }) {
  const task = useTask()
  return (
    <>
      <p>You are signed in as <strong>{name}</strong> ({email}).</p>
      <div class="row">
        <a class="button" href={next}>Go on</a>
        <Act task={task} word="Sign out" does={signOut} />
      </div>
      <Outcome task={task} />
    </>
  )
}

export function SignUp() {
  const make = async (read: Read) => {
    await call('POST', '/accounts', { email: read('email').trim(), name: read('name'), password: read('password') })
    goOn(next)
  }
  return (
    <>
      <Heading title="Make an account" />
      <Known>
        {(s) => (
          <>
            {s.signUp !== 'open' ? <p>{uninvited(s)}</p> : (
              <Form word="Make the account" does={make}>
                <Email />
                <Name />
                <Password made />
              </Form>
            )}
            <ul class="ways"><li><a href={withNext('/login')}>I have an account: sign in</a></li></ul>
          </>
        )}
      </Known>
    </>
  )
}

export function Forgot() {
  const to = useSignal('')
  const send = async (read: Read) => {
    const email = read('email').trim()
    await call('POST', '/passwords/forgot', { email })
    to.value = email
  }
  if (to.value !== '') {
    return (
      <>
        <Heading title="Look at your letters" />
        <p>If there is an account with the address <strong>{to.value}</strong>, a letter is on its way to it. The link in it sets a new password. It counts once, for an hour.</p>
        <p class="dim">Nothing came? Look among the unwanted letters, or try again in ten minutes.</p>
        <ul class="ways"><li><a href="/login">Back to sign in</a></li></ul>
      </>
    )
  }
  return (
    <>
      <Heading title="Forgot your password?" />
      <Known>
        {(s) => (
          <>
            {s.letters ? (
              <Form word="Send me a link" does={send}>
                <p>Say the e-mail address of your account. We send a link to it that sets a new password.</p>
                <Email />
              </Form>
            ) : <p>This server cannot send letters. Ask whoever runs it for a link that sets a new password: an operator can make one.</p>}
            <ul class="ways"><li><a href="/login">Back to sign in</a></li></ul>
          </>
        )}
      </Known>
    </>
  )
}
