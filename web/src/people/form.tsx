import { useSignal, type Signal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Problem } from './api'
import { recheck } from './whoami'

export interface Task {
  busy: Signal<boolean>
  fault: Signal<string>
  done: Signal<string>
  /** Does something once at a time. What it returns is said; what it throws is shown. */
  run(work: () => Promise<string | void>): Promise<void>
}

export function useTask(): Task {
  const busy = useSignal(false)
  const fault = useSignal('')
  const done = useSignal('')
  const run = async (work: () => Promise<string | void>) => {
    if (busy.value) return
    busy.value = true
    fault.value = done.value = ''
    const from = document.activeElement
    const part = from?.closest('section')
    try {
      done.value = (await work()) ?? ''
    } catch (e) {
      if (e instanceof Problem && e.status === 401) await recheck()
      fault.value = e instanceof Problem ? e.message : 'Something went wrong in this page. Load it again.'
      if (!(e instanceof Problem)) console.error(e)
    }
    busy.value = false
    // A button that is disabled loses the focus; it gets it back unless something else took it, such as the alert. If
    // the button went with what it did, its part of the page gets it.
    if (fault.value === '') window.setTimeout(() => isNowhere() && (from?.isConnected ? (from as HTMLElement) : part?.querySelector('h2'))?.focus())
  }
  return { busy, fault, done, run }
}

export const isNowhere = (): boolean => document.activeElement === null || document.activeElement === document.body

/** The page's heading. It takes the focus when it comes, so that a screen reader says where one is. */
export function Heading({ title }: { title: string }) {
  const h = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Mayfly`
    h.current?.focus({ preventScroll: true })
  }, [title])
  return <h1 ref={h} tabIndex={-1}>{title}</h1>
}

/** What went wrong, where it did. It takes the focus, for who does not see it come. */
export function Alert({ text }: { text: string }) {
  const p = useRef<HTMLParagraphElement>(null)
  useEffect(() => {
    if (text !== '') p.current?.focus()
  }, [text])
  return <p ref={p} class="alert" role="alert" tabIndex={-1}>{text}</p>
}

/** What a task has to say, beside what it concerns. */
export function Outcome({ task }: { task: Task }) {
  return (
    <>
      <Alert text={task.fault.value} />
      <p class="done" role="status">{task.done.value}</p>
    </>
  )
}

type Look = 'main' | 'ghost' | 'danger'
const looks: Record<Look, string> = { main: 'button', ghost: 'button ghost', danger: 'button danger' }

/** A button that does something and says nothing of its own: its task is shown by who made it. */
export function Act({ task, look = 'ghost', word, does, label }: { task: Task; look?: Look; word: string; does: () => Promise<string | void>; label?: string }) {
  const busy = task.busy.value
  return (
    <button type="button" class={looks[look]} disabled={busy} aria-busy={busy} aria-label={label ?? word} onClick={() => void task.run(does)}>{word}</button>
  )
}

export type Read = (name: string) => string

export interface FormProps {
  word: string
  does: (read: Read) => Promise<string | void>
  look?: Look
  /** Empty the fields when it is done. */
  clear?: boolean
  /** Stands beside the button. */
  beside?: preact.ComponentChildren
  children?: preact.ComponentChildren
}

/** Fields, a button, and what came of it. The fields keep what is in them, so that a password manager may fill them. */
export function Form({ word, does, look = 'main', clear = false, beside, children }: FormProps) {
  const task = useTask()
  const submit = (e: SubmitEvent) => {
    e.preventDefault()
    const form = e.currentTarget as HTMLFormElement
    const data = new FormData(form)
    void task.run(async () => {
      const words = await does((name) => String(data.get(name) ?? ''))
      if (clear) form.reset()
      return words
    })
  }
  const busy = task.busy.value
  return (
    <form class="form" onSubmit={submit}>
      {children}
      <div class="row">
        <button class={looks[look]} disabled={busy} aria-busy={busy}>{word}</button>
        {beside}
      </div>
      <Outcome task={task} />
    </form>
  )
}

/** An input's type, where it is known only later. Preact's types have a case for each, and none for that. */
const kind = (type: string): object => ({ type })

export interface FieldProps {
  name: string
  label: string
  hint?: string
  type?: 'text' | 'email' | 'number' | 'datetime-local'
  autocomplete?: string
  value?: string
  required?: boolean
  maxLength?: number
  min?: number
  max?: number
  /** What a number is a multiple of, counted from min; 1 if it is not said. */
  step?: number | 'any'
}

export function Field({ name, label, hint, type = 'text', autocomplete = 'off', value = '', required = true, ...rest }: FieldProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} name={name} {...kind(type)} autocomplete={autocomplete} defaultValue={value} required={required} spellcheck={false}
        autocapitalize={type === 'email' ? 'none' : undefined} aria-describedby={hint ? `${id}-hint` : undefined} {...rest} />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  )
}

export const passwordHint = 'At least 10 characters; three or four words do well.'

/** A password. Whoever sees the screen may read it if its person wants to. */
export function Password({ name = 'password', label = 'Password', made = false }: { name?: string; label?: string; /** It is being made; off: not one of a person, so that no manager keeps it. */ made?: boolean | 'off' }) {
  const id = useId()
  const shown = useSignal(false)
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="secret">
        <input id={id} name={name} {...kind(shown.value ? 'text' : 'password')} autocomplete={made === 'off' ? 'off' : made ? 'new-password' : 'current-password'} required maxLength={256}
          autocapitalize="none" spellcheck={false} aria-describedby={made === true ? `${id}-hint` : undefined} />
        <button type="button" aria-pressed={shown.value} aria-label={`Show ${label.toLowerCase()}`} onClick={() => (shown.value = !shown.value)}>{shown.value ? 'Hide' : 'Show'}</button>
      </span>
      {made === true && <small id={`${id}-hint`}>{passwordHint}</small>}
    </div>
  )
}
