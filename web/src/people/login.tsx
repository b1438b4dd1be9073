import { Fragment, render } from 'preact'
import { Ripples } from '../parts'
import { Account } from './account'
import { Forgot, SignIn, SignUp } from './enter'
import { Heading } from './form'
import { Frame } from './frame'
import { Invitation } from './invitation'
import { Confirm, NewPassword, Setup } from './links'
import { routeOf, type Route } from './paths'
import { secret, watchSecrets } from './secret'
import { load } from './whoami'
import '../styles/base.css'
import '../styles/sheet.css'
import '../styles/people.css'

const pages: Record<Route, () => preact.ComponentChild> = {
  signin: () => <SignIn />,
  new: () => <SignUp />,
  setup: () => <Setup />,
  invitation: () => <Invitation />,
  forgot: () => <Forgot />,
  password: () => <NewPassword />,
  confirm: () => <Confirm />,
  account: () => <Account />,
}

function Missing() {
  return (
    <>
      <Heading title="There is nothing here" />
      <p>Perhaps the address has a slip of the pen.</p>
      <ul class="ways"><li><a href="/login">Sign in</a></li></ul>
    </>
  )
}

/** Another link begins its page anew. */
const Page = ({ route }: { route: Route | null }) => <Fragment key={secret.value}>{route === null ? <Missing /> : pages[route]()}</Fragment>

const route = routeOf(location.pathname)
const withSecret: (Route | null)[] = ['setup', 'invitation', 'password', 'confirm']
if (withSecret.includes(route)) watchSecrets(route === 'invitation')

render(
  <Frame wide={route === 'account'}>
    {route !== 'account' && <Ripples />}
    <Page route={route} />
  </Frame>,
  document.getElementById('app')!,
)
void load()
