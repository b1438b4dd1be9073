import { call, type Me, type Session } from './api'
import { ask } from './ask'
import { goOn } from './enter'
import { Act, Field, Outcome, useTask } from './form'
import { Section } from './section'
import { reloadMe, session } from './whoami'

export function Channels({ me }: { me: Me }) {
  const leave = (slug: string, title: string) =>
    ask({
      title: `Leave “${title}”?`,
      text: 'You cannot work on this channel any more, until somebody invites you again.',
      word: 'Leave the channel',
      danger: true,
      does: async () => {
        await call('DELETE', `/channels/${encodeURIComponent(slug)}/members/${encodeURIComponent(me.id)}`)
        await reloadMe()
        return 'You left the channel.'
      },
    })
  return (
    <Section id="channels" title="Channels" text="On which you work.">
      {me.channels.length === 0 ? <p class="dim">None yet. <a href="/studio">Make one in the studio</a>, or ask somebody who owns one to invite you.</p> : (
        <ul class="lines">
          {me.channels.map((c) => (
            <li key={c.slug}>
              <span class="line-words"><a href={`/studio/${encodeURIComponent(c.slug)}`}><strong>{c.title}</strong></a><span class="dim">{c.role}</span></span>
              <button type="button" class="button ghost" aria-label={`Leave the channel ${c.title}`} onClick={() => leave(c.slug, c.title)}>Leave</button>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

export function Sessions() {
  const task = useTask()
  const out = async () => {
    await call('DELETE', '/session')
    goOn('/')
  }
  const elsewhere = async () => {
    session.value = await call<Session>('POST', '/me/sessions/end')
    return 'Everywhere else you are signed out.'
  }
  return (
    <Section id="sessions" title="Signed in">
      <div class="row">
        <Act task={task} word="Sign out" does={out} />
        <Act task={task} word="Sign out everywhere else" does={elsewhere} />
      </div>
      <Outcome task={task} />
    </Section>
  )
}

export function Data({ me }: { me: Me }) {
  const remove = () =>
    ask({
      title: 'Delete your account?',
      text: `All that is kept of you goes, at once and for good. Type ${me.email} to say that you mean it.`,
      word: 'Delete my account',
      danger: true,
      field: <Field name="email" label="Your e-mail address" type="email" maxLength={254} />,
      does: async (read) => {
        await call('DELETE', '/me', { email: read('email').trim() })
        goOn('/')
      },
    })
  return (
    <Section id="data" title="Your data" text="All that is kept of your account, without its secrets.">
      <div class="row">
        <a class="button ghost" href="/api/v1/me/export" download="mayfly-account.json">Download my data</a>
        {!me.owner && <button type="button" class="button danger" onClick={remove}>Delete my account</button>}
      </div>
      {me.owner && <p class="dim">This is the owner's account. It cannot be deleted: make another account the owner first.</p>}
    </Section>
  )
}
