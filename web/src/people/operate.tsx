import { render } from 'preact'
import { Accounts } from './accounts'
import { useFetched } from './fetched'
import { Channels, Costs, Log, refresh, type Fleet } from './fleet'
import type { Me } from './api'
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
import '../styles/figures.css'

function Operate() {
  return (
    <Own path="/operate">
      {(me) => (me.operator ? <Parts me={me} /> : <Refused name={me.name} />)}
    </Own>
  )
}

function Parts({ me }: { me: Me }) {
  const fleet = useFetched<Fleet>('/fleet', refresh)
  return (
    <>
      <Heading title="Operate" />
      <Nodes fleet={fleet} />
      <Channels fleet={fleet} />
      <Log fleet={fleet} />
      <Costs fleet={fleet} />
      <Reports />
      <ServerSettings />
      <Invite />
      <Accounts me={me} />
      <Trail />
    </>
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
