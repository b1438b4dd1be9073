import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'

/** Something to take away, shown this once: it is selected at once, and a button copies it. */
export function Copy({ label, value, hint }: { label: string; value: string; hint?: string }) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const words = useSignal('Copy')
  useEffect(() => {
    words.value = 'Copy'
    field.current?.focus()
    field.current?.select()
  }, [value])
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(value)
      words.value = 'Copied'
    } catch {
      // Not allowed here (plain http): the text is selected, its person can copy it.
      words.value = 'Press Ctrl C'
    }
  }
  return (
    <div class="field copy">
      <label for={id}>{label}</label>
      <span class="secret">
        <input ref={field} id={id} readOnly value={value} spellcheck={false} autocomplete="off" aria-describedby={hint ? `${id}-hint` : undefined} />
        <button type="button" aria-live="polite" onClick={() => void copy()}>{words.value}</button>
      </span>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  )
}
