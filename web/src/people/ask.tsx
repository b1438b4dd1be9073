import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Form, isNowhere, type Read } from './form'
import { said } from './whoami'

/** What is asked before something is done that cannot be undone, or that concerns somebody else. */
export interface Question {
  title: string
  text: string
  word: string
  /** It takes something away. */
  danger?: boolean
  /** What the person has to fill in. */
  field?: preact.ComponentChildren
  /** Does it; what it returns is said. */
  does: (read: Read) => Promise<string | void>
}

const question = signal<Question | null>(null)

/** The part of the page that it is about. */
let part: Element | null = null

export function ask(q: Question): void {
  part = document.activeElement?.closest('section') ?? null
  question.value = q
}

/** The dialog of the page. The browser keeps the focus in it and gives it back afterwards. */
export function Asker() {
  const dialog = useRef<HTMLDialogElement>(null)
  const q = question.value
  useEffect(() => {
    if (q !== null && !dialog.current?.open) dialog.current?.showModal()
  }, [q])
  const closed = () => {
    question.value = null
    // What was pressed may be gone with what it belonged to.
    const near = part?.isConnected ? part.querySelector('h2') : document.querySelector('h1')
    window.setTimeout(() => isNowhere() && near?.focus({ preventScroll: true }))
  }
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby={q ? 'ask-title' : undefined} aria-describedby={q ? 'ask-text' : undefined} onClose={closed}>
      {q !== null && <Asked q={q} close={() => dialog.current?.close()} />}
    </dialog>
  )
}

function Asked({ q, close }: { q: Question; close: () => void }) {
  const does = async (read: Read) => {
    said.value = (await q.does(read)) ?? ''
    close()
  }
  return (
    <>
      <h2 id="ask-title">{q.title}</h2>
      <p id="ask-text">{q.text}</p>
      <Form word={q.word} look={q.danger ? 'danger' : 'main'} does={does}
        beside={<button type="button" class="button ghost" autofocus={q.field === undefined} onClick={close}>Cancel</button>}>
        {q.field}
      </Form>
    </>
  )
}
