import { useSignal } from '@preact/signals'
import { call } from './api'
import { Copy } from './copy'
import { Field, Form, type Read } from './form'
import { Section } from './section'
import { day } from './words'

interface Made {
  link: string
  sent: boolean
  expires: string
}

export function Invite() {
  const made = useSignal<Made | null>(null)
  const invite = async (read: Read) => {
    made.value = null
    const email = read('email').trim()
    const operator = read('operator') === 'yes'
    const uses = Number(read('uses'))
    made.value = await call<Made>('POST', '/invitations', { ...(email ? { email } : {}), ...(operator ? { operator } : {}), ...(uses > 0 ? { uses } : {}) })
    if (email === '') return
    return made.value.sent ? `The link was sent to ${email}.` : 'No letter could be sent. Hand the link over yourself.'
  }
  const m = made.value
  return (
    <Section id="invite" title="Invite somebody" text="With the link they make an account here. Whoever has it can use it.">
      <Form word="Make the link" does={invite} clear>
        <Field name="email" label="E-mail" type="email" required={false} maxLength={254} hint="If this server can send letters, the link goes there. May stay empty." />
        <Field name="uses" label="How many may use it" type="number" min={1} max={100} value="1" />
        <label class="check">
          <input type="checkbox" name="operator" value="yes" />
          <span><strong>As an operator</strong><small>May do all that you can on this page. Such a link counts once.</small></span>
        </label>
      </Form>
      {m !== null && <Copy label="Link of the invitation" value={m.link} hint={`It is shown this once, and counts until ${day(m.expires)}.`} />}
    </Section>
  )
}
