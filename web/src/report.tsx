import { useEffect, useRef, useState } from 'preact/hooks'
import { withPass } from './pass'
import { call } from './people/api'

const reasons: readonly (readonly [id: string, name: string])[] = [
  ['violence', 'Violence, threats or hate'],
  ['sexual', 'Sexual content'],
  ['children', 'A child is in danger'],
  ['rights', 'It shows what belongs to somebody else'],
  ['fraud', 'Fraud or spam'],
  ['privacy', 'It shows somebody against their will'],
  ['other', 'Something else'],
]

export const reasonName = (id: string): string => reasons.find(([r]) => r === id)?.[1] ?? id

/** Tells whoever runs this server what is wrong with a channel. */
export function Report({ slug, title, close }: { slug: string; title: string; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const alert = useRef<HTMLParagraphElement>(null)
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState('')
  const [sent, setSent] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    if (fault !== '') alert.current?.focus()
  }, [fault])
  const submit = async (e: SubmitEvent) => {
    e.preventDefault()
    const data = new FormData(e.currentTarget as HTMLFormElement)
    setBusy(true)
    setFault('')
    try {
      await call('POST', withPass(`/channels/${encodeURIComponent(slug)}/reports`, slug), {
        reason: data.get('reason'), words: String(data.get('words')).trim(), email: String(data.get('email')).trim(),
      })
      setSent(true)
    } catch (why) {
      setFault(why instanceof Error ? why.message : String(why))
    }
    setBusy(false)
  }
  return (
    <dialog ref={dialog} class="sheet report" aria-labelledby="report-title" onClose={close}>
      <h2 id="report-title">{sent ? 'Thank you' : `Report ${title}`}</h2>
      {sent ? (
        <>
          <p role="status">Whoever runs this server reads it.</p>
          <form method="dialog"><button class="button" autofocus>Close</button></form>
        </>
      ) : (
        <form onSubmit={(e) => void submit(e)}>
          <label>What is wrong?<select name="reason" required>{reasons.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>
          <label>In your words, if you like<textarea name="words" rows={4} maxLength={2000} /></label>
          <label>Your e-mail address, if you want an answer<input name="email" {...{ type: 'email' }} maxLength={254} autocomplete="email" /><small>Only whoever runs this server sees it. It is deleted with the report.</small></label>
          <p ref={alert} class="report-fault" role="alert" tabIndex={-1}>{fault}</p>
          <p class="report-acts"><button class="button" disabled={busy} aria-busy={busy}>Send the report</button><button type="button" class="button ghost" onClick={() => dialog.current?.close()}>Cancel</button></p>
        </form>
      )}
    </dialog>
  )
}
