import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { call, Problem } from './api'
import { Email, goOn, Name } from './enter'
import { Alert, Form, Heading, Password, type Read } from './form'
import { home, studio } from './paths'
import { secret } from './secret'

/** What became of a link: not known yet, good, or a problem. */
export type Checked<T> = { state: 'asking' } | { state: 'good'; found: T } | { state: 'bad'; status: number; text: string }

/** Asks the server about the link of this page. A link that only could not be checked can be tried again. */
export function useLink<T>(path: string): { checked: Checked<T>; again: () => void } {
  const checked = useSignal<Checked<T>>({ state: 'asking' })
  const link = secret.value
  const look = async () => {
    checked.value = { state: 'asking' }
    try {
      const found = await call<T>('POST', path, { link })
      if (secret.value === link) checked.value = { state: 'good', found }
    } catch (e) {
      if (secret.value !== link) return
      checked.value = { state: 'bad', status: e instanceof Problem ? e.status : 0, text: e instanceof Error ? e.message : String(e) }
    }
  }
  useEffect(() => {
    if (link !== '') void look()
  }, [link])
  return { checked: link === '' ? { state: 'bad', status: 410, text: '' } : checked.value, again: () => void look() }
}

export const Looking = () => <p class="loading" role="status">Looking at the link</p>

/** The server could not say whether a link counts; it may still. */
export const unsure = (status: number): boolean => status === 0 || status === 429 || status >= 500

export function Unsure({ text, again }: { text: string; again: () => void }) {
  return (
    <>
      <Heading title="The link could not be checked" />
      <Alert text={text} />
      <div class="row"><button type="button" class="button" onClick={again}>Try again</button></div>
    </>
  )
}

export function Setup() {
  const { checked, again } = useLink<null>('/setup/check')
  const make = async (read: Read) => {
    await call('POST', '/setup', { link: secret.value, email: read('email').trim(), name: read('name'), password: read('password') })
    goOn(studio)
  }
  if (checked.state === 'asking') return <Looking />
  if (checked.state === 'good') {
    return (
      <>
        <Heading title="Make the owner's account" />
        <p>This account runs the server: it invites others, decides who may sign up, and sees what was changed.</p>
        <Form word="Make the account" does={make}>
          <Email />
          <Name />
          <Password made />
        </Form>
      </>
    )
  }
  if (unsure(checked.status)) return <Unsure text={checked.text} again={again} />
  if (checked.status === 409) {
    return (
      <>
        <Heading title="This server has an owner" />
        <p role="alert">{checked.text}</p>
        <div class="row"><a class="button" href="/login">Sign in</a></div>
      </>
    )
  }
  return (
    <>
      <Heading title="This link does not count" />
      <p role="alert">A link that makes the owner's account counts for a day. Restart the server: it prints a new one in its log. Open that.</p>
      <ul class="ways"><li><a href="/login">I have an account: sign in</a></li></ul>
    </>
  )
}

export function NewPassword() {
  const done = useSignal(false)
  const set = async (read: Read) => {
    await call('POST', '/passwords', { link: secret.value, password: read('password') })
    done.value = true
  }
  if (done.value) {
    return (
      <>
        <Heading title="Your password is set" />
        <p>You are signed in here, and signed out everywhere else.</p>
        <div class="row">
          <a class="button" href="/">Go to the guide</a>
          <a class="button ghost" href={home}>Your account</a>
        </div>
      </>
    )
  }
  return (
    <>
      <Heading title="Set a new password" />
      {secret.value === '' ? <p role="alert">This page needs the whole link of the letter. Open it once more from there.</p> : (
        <Form word="Set the password" does={set}>
          <Password label="New password" made />
        </Form>
      )}
      <ul class="ways">
        <li><a href="/login/forgot">Ask for a new link</a></li>
        <li><a href="/login">Sign in</a></li>
      </ul>
    </>
  )
}

export function Confirm() {
  const { checked, again } = useLink<null>('/confirmations')
  if (checked.state === 'asking') return <Looking />
  if (checked.state === 'good') {
    return (
      <>
        <Heading title="Thank you" />
        <p role="status">Your e-mail address is confirmed.</p>
        <div class="row">
          <a class="button" href="/">Go to the guide</a>
          <a class="button ghost" href={home}>Your account</a>
        </div>
      </>
    )
  }
  if (unsure(checked.status)) return <Unsure text={checked.text} again={again} />
  return (
    <>
      <Heading title="Not confirmed" />
      <p role="alert">{checked.text || 'This page needs the whole link of the letter. Open it once more from there.'}</p>
      <p class="dim">Your account's page sends the letter again. If you opened the link twice, the address may be confirmed already: it says so there.</p>
      <div class="row"><a class="button" href={home}>Your account</a></div>
    </>
  )
}
