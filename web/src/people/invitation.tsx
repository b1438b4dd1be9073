import { call, type Me, type Session } from './api'
import { Email, goOn, Name } from './enter'
import { Act, Form, Heading, Outcome, Password, useTask, type Read } from './form'
import { Known } from './frame'
import { Looking, unsure, Unsure, useLink } from './links'
import { afterInvitation, home, invitationStep, invitedTo, signInFor, type Invited } from './paths'
import { forgetInvitation, lendInvitation, secret } from './secret'
import { signOut } from './whoami'
import { day } from './words'

export function Invitation() {
  const { checked, again } = useLink<Invited>('/invitations/look')
  if (checked.state === 'asking') return <Looking />
  if (checked.state === 'good') return <Known>{(s) => <Answer i={checked.found} s={s} />}</Known>
  if (unsure(checked.status)) return <Unsure text={checked.text} again={again} />
  return (
    <>
      <Heading title="This invitation does not count" />
      <p role="alert">It is too old, was used already, or was cut off. Ask who sent it for another one.</p>
      <ul class="ways"><li><a href="/login">I have an account: sign in</a></li></ul>
    </>
  )
}

function Answer({ i, s }: { i: Invited; s: Session }) {
  return (
    <>
      <Heading title="You are invited" />
      <p class="lead">You are invited to {invitedTo(i)}. <span class="dim">The link counts until {day(i.expires)}.</span></p>
      {s.me ? <WithAccount i={i} me={s.me} /> : <WithNew i={i} s={s} />}
    </>
  )
}

function done(i: Invited): void {
  forgetInvitation()
  goOn(afterInvitation(i))
}

function WithAccount({ i, me }: { i: Invited; me: Me }) {
  const task = useTask()
  const accept = async () => {
    await call('POST', '/invitations/accept', { link: secret.value })
    done(i)
  }
  const needless = invitationStep(i, true) === 'needless'
  return (
    <>
      <p>
        You are signed in as <strong>{me.name}</strong> ({me.email}).
        {needless && ' You have an account already, so you need not accept. Leave the link to somebody who has none.'}
      </p>
      <div class="row">
        {needless ? <a class="button" href={home}>Your account</a> : <Act task={task} look="main" word="Accept" does={accept} />}
        <Act task={task} word="Use another account" does={signOut} />
      </div>
      <Outcome task={task} />
    </>
  )
}

function WithNew({ i, s }: { i: Invited; s: Session }) {
  const make = async (read: Read) => {
    await call('POST', '/accounts', { email: read('email').trim(), name: read('name'), password: read('password'), invitation: secret.value })
    done(i)
  }
  const byProvider = `/login/oidc?next=${encodeURIComponent(afterInvitation(i))}`
  return (
    <>
      <div class="row">
        <a class="button ghost" href={signInFor('/login/invitation')}>I have an account: sign in</a>
        {s.provider && <a class="button ghost" href={byProvider} onClick={() => lendInvitation(secret.value)}>Go on with {s.provider}</a>}
      </div>
      <p class="or"><span>or make an account</span></p>
      <Form word="Make the account" does={make}>
        <Email value={i.email ?? ''} />
        <Name />
        <Password made />
      </Form>
    </>
  )
}
