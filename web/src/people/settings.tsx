import { call, type SignUp } from './api'
import { Waiting, useFetched } from './fetched'
import { Field, Form, type Read } from './form'
import { Section } from './section'

interface Settings {
  signUp: SignUp
  channels: number
  sources: number
  hours: number
  noKeep: boolean
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
    settings.value.value = await call<Settings>('PATCH', '/settings', {
      signUp: read('signUp'), channels: Number(read('channels')), sources: Number(read('sources')), hours: Number(read('hours')), noKeep: read('keep') !== 'yes',
    })
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
          <Field name="channels" label="Channels that an account may own" type="number" min={1} max={1000} value={String(s.channels)} hint="Operators may own any number." />
          <Field name="sources" label="Sources that a channel may have" type="number" min={1} max={16} value={String(s.sources)} />
          <Field name="hours" label="Hours that a channel may let viewers rewind" type="number" min={1} max={168} value={String(s.hours)} />
          <label class="check"><input type="checkbox" name="keep" value="yes" defaultChecked={!s.noKeep} /><span>Channels may keep everything<small>A channel that has more already keeps it. Operators may do all of this for any channel.</small></span></label>
        </Form>
      )}
    </Section>
  )
}
