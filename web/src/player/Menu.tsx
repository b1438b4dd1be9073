import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { Caption } from './captions'

export interface Choice<T> {
  name: string
  all: readonly { value: T; label: string }[]
  chosen: T
  choose(value: T): void
}

/** "1080p", with the bitrate where two would be called the same. */
export const qualityName = (height: number): string => `${height}p`

export function captionChoice(list: readonly Caption[], shown: TextTrack | null, show: (t: TextTrack | null) => void): Choice<TextTrack | null> | null {
  if (list.length === 0) return null
  return { name: 'Captions', all: [{ value: null, label: 'Off' }, ...list.map((c) => ({ value: c.track, label: c.label }))], chosen: shown, choose: show }
}

/** A button and what it opens: what can be chosen, and what else can be done. Nothing that there is no choice of is shown. */
export function Menu({ choices, acts }: { choices: Choice<unknown>[]; acts: readonly { label: string; act: () => string | Promise<string> }[] }) {
  const open = useSignal(false)
  const said = useSignal('')
  const id = useId()
  const all = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (!open.value) return
    all.current?.querySelector<HTMLElement>('.menu input:checked, .menu button')?.focus()
    const outside = (e: Event) => !e.composedPath().includes(all.current!) && (open.value = false)
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  }, [open.value])
  const close = () => {
    open.value = false
    button.current?.focus()
  }
  const onKey = (e: KeyboardEvent) => {
    if (!open.value) return
    e.stopPropagation() // the player's keys are not the menu's
    if (e.key === 'Escape') close()
  }
  if (choices.length + acts.length === 0) return null
  return (
    <div class="menu-place" ref={all} onKeyDown={onKey}>
      <button ref={button} type="button" class="icon-button" aria-label="Settings" aria-expanded={open.value} aria-controls={id} onClick={() => { said.value = ''; open.value = !open.value }}>
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h9m5 0h2M4 12h2m5 0h9M4 17h7m5 0h4" /><circle cx="15.5" cy="7" r="2.2" /><circle cx="8.5" cy="12" r="2.2" /><circle cx="13.5" cy="17" r="2.2" /></svg>
      </button>
      <div id={id} class="menu" role="group" aria-label="Settings" hidden={!open.value}>
        {choices.map((c) => (
          <fieldset key={c.name}>
            <legend>{c.name}</legend>
            {c.all.map((x) => (
              <label key={x.label}>
                <input type="radio" name={`${id}-${c.name}`} checked={x.value === c.chosen} onChange={() => c.choose(x.value)} />
                <span>{x.label}</span>
              </label>
            ))}
          </fieldset>
        ))}
        {acts.map((a) => <button key={a.label} type="button" onClick={() => void Promise.resolve(a.act()).then((words) => (said.value = words))}>{a.label}</button>)}
        <p role="status">{said.value}</p>
      </div>
    </div>
  )
}

/** Puts an address into the clipboard, and says what became of it. */
export async function copy(address: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(address)
    return 'Copied'
  } catch {
    // Not allowed here (plain http, a frame): the viewer copies it from a field.
    window.prompt('Copy this link', address)
    return ''
  }
}
