import { call, type SignUp } from './api'
import { Waiting, useFetched } from './fetched'
import { Field, Form, type Read } from './form'
import { Section } from './section'

interface Settings {
  signUp: SignUp
  channels: number
}

const choices: [SignUp, string, string][] = [
  ['open', 'Anybody', 'Whoever finds this server can make an account.'],
  ['invitation', 'Who is invited', 'An account needs the link of an invitation.'],
  ['closed', 'Nobody', 'No new accounts, except for people who are invited to a channel.'],
]

export function ServerSettings() {
  const settings = useFetched<Settings>('/settings')
  const s = settings.value.value
  const save = async (read: Read) => {
    settings.value.value = await call<Settings>('PATCH', '/settings', { signUp: read('signUp'), channels: Number(read('channels')) })
    return 'Saved. It counts on all nodes within some seconds.'
  }
  return (
    <Section id="settings" title="Settings" text="For all nodes of this server.">
      <Waiting of={settings} />
      {s !== null && (
        <Form word="Save" does={save}>
          <fieldset class="choices">
            <legend>Who may make an account</legend>
            {choices.map(([value, title, text]) => (
              <label key={value}>
                <input type="radio" name="signUp" value={value} defaultChecked={s.signUp === value} />
                <span><strong>{title}</strong><small>{text}</small></span>
              </label>
            ))}
          </fieldset>
          <Field name="channels" label="Channels that an account may own" type="number" min={0} max={1000} value={String(s.channels)} hint="Operators may own any number." />
        </Form>
      )}
    </Section>
  )
}
