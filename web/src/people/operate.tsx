import { render } from 'preact'
import { Accounts } from './accounts'
import { Heading } from './form'
import { Frame, Own } from './frame'
import { Invite } from './invite'
import { Nodes } from './nodes'
import { home } from './paths'
import { Reports } from './reports'
import { ServerSettings } from './settings'
import { Trail } from './trail'
import { load } from './whoami'
import '../styles/base.css'
import '../styles/sheet.css'
import '../styles/people.css'

function Operate() {
  return (
    <Own path="/operate">
      {(me) => (me.operator ? (
        <>
          <Heading title="Operate" />
          <Nodes />
          <Reports />
          <ServerSettings />
          <Invite />
          <Accounts me={me} />
          <Trail />
        </>
      ) : <Refused name={me.name} />)}
    </Own>
  )
}

function Refused({ name }: { name: string }) {
  return (
    <>
      <Heading title="For operators" />
      <p role="alert">You are signed in as {name}, who is no operator of this server. Ask the owner or an operator to make you one.</p>
      <div class="row">
        <a class="button" href="/">Go to the guide</a>
        <a class="button ghost" href={home}>Your account</a>
      </div>
    </>
  )
}

render(<Frame wide><Operate /></Frame>, document.getElementById('app')!)
void load()
