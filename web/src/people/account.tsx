import type { Me, Session } from './api'
import { Heading } from './form'
import { Own } from './frame'
import { Passkeys, Tokens } from './keys'
import { Channels, Data, Sessions } from './leave'
import { home } from './paths'
import { EmailAddress, Logins, NameOf, PasswordOf } from './profile'

/** One's own account. */
export function Account() {
  return (
    <>
      <Heading title="Your account" />
      <Own path={home}>{(me, s) => <Parts me={me} s={s} />}</Own>
    </>
  )
}

function Parts({ me, s }: { me: Me; s: Session }) {
  return (
    <>
      <NameOf me={me} />
      <EmailAddress me={me} letters={s.letters} />
      <PasswordOf me={me} />
      <Passkeys me={me} />
      {(s.provider || me.logins.length > 0) && <Logins me={me} provider={s.provider ?? ''} />}
      <Channels me={me} />
      <Tokens me={me} />
      <Sessions />
      <Data me={me} />
    </>
  )
}
