/**
 * What a key asks of the desk: to cut to the nth source or look at it, to keep the sound of the nth or listen to it, to
 * play the nth clip, to cut to what is looked at, to let each source be heard with its own sound, to listen to the program, or to go on in the
 * rundown.
 */
export type Wish = { cut: number } | { look: number } | { sound: number } | { listen: number } | { clip: number } | 'take' | 'own sound' | 'listen to program' | 'next'

/** The keys below the digits, by their place: they are for the sound of the sources whose pictures the digits cut. */
const soundRow = ['KeyQ', 'KeyW', 'KeyE', 'KeyR', 'KeyT', 'KeyY', 'KeyU', 'KeyI', 'KeyO']

/** The keys of the row below play clips. */
const clipRow = ['KeyA', 'KeyS', 'KeyD', 'KeyF', 'KeyG', 'KeyH', 'KeyJ', 'KeyK', 'KeyL']

/** What a key means; null when it is none of ours, or belongs to what has the focus. Digits count from 1; the place of the key counts, so that Shift and a digit is the same on every keyboard. */
export function wishOf(e: { key: string; code: string; shiftKey: boolean; ctrlKey: boolean; altKey: boolean; metaKey: boolean }, target: 'text' | 'button' | 'range' | 'other'): Wish | null {
  if (e.ctrlKey || e.altKey || e.metaKey || target === 'text') return null
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(e.code)
  if (digit) return e.shiftKey ? { look: Number(digit[1]) - 1 } : { cut: Number(digit[1]) - 1 }
  const sound = soundRow.indexOf(e.code)
  if (sound >= 0) return e.shiftKey ? { listen: sound } : { sound }
  const clip = clipRow.indexOf(e.code)
  if (clip >= 0) return e.shiftKey ? null : { clip }
  if (e.code === 'KeyP') return e.shiftKey ? 'listen to program' : 'own sound'
  if (target !== 'other') return null
  if (e.key === 'Enter') return 'take'
  return e.key === ' ' ? 'next' : null
}
