/**
 * What a key asks of the desk: to cut to the nth source or look at it, to keep the sound of the nth or listen to it, to
 * play the nth clip, show or hide the nth graphic or look at it, to cut to what is looked at, to let each source be heard
 * with its own sound, to listen to the program, to hide all graphics, to go on in the rundown, or to mark where a clip
 * begins and ends.
 */
export type Wish = { cut: number } | { look: number } | { sound: number } | { listen: number } | { clip: number } | { graphic: number } | { preview: number } | 'take' | 'own sound' | 'listen to program' | 'no graphics' | 'next' | 'mark in' | 'mark out'

/** The keys below the digits, by their place: they are for the sound of the sources whose pictures the digits cut. */
const soundRow = ['KeyQ', 'KeyW', 'KeyE', 'KeyR', 'KeyT', 'KeyY', 'KeyU', 'KeyI', 'KeyO']
/** And below those, for graphics. */
const graphicRow = ['KeyA', 'KeyS', 'KeyD', 'KeyF', 'KeyG', 'KeyH', 'KeyJ', 'KeyK', 'KeyL']
/** What the key of the nth graphic is called where letters lie as they mostly do. */
export const graphicKey = (n: number): string => graphicRow[n]?.slice(3) ?? ''

/** The lowest row is for clips, but for the X between them. */
const clipRow = ['KeyZ', 'KeyC', 'KeyV', 'KeyB', 'KeyN', 'KeyM']

/** What a key means; null when it is none of ours, or belongs to what has the focus. Digits count from 1; the place of the key counts, so that Shift and a digit is the same on every keyboard. */
export function wishOf(e: { key: string; code: string; shiftKey: boolean; ctrlKey: boolean; altKey: boolean; metaKey: boolean }, target: 'text' | 'button' | 'range' | 'other'): Wish | null {
  if (e.ctrlKey || e.altKey || e.metaKey || target === 'text') return null
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(e.code)
  if (digit) return e.shiftKey ? { look: Number(digit[1]) - 1 } : { cut: Number(digit[1]) - 1 }
  const sound = soundRow.indexOf(e.code)
  if (sound >= 0) return e.shiftKey ? { listen: sound } : { sound }
  const clip = clipRow.indexOf(e.code)
  if (clip >= 0) return e.shiftKey ? null : { clip }
  const graphic = graphicRow.indexOf(e.code)
  if (graphic >= 0) return e.shiftKey ? { preview: graphic } : { graphic }
  if (e.code === 'KeyX') return 'no graphics'
  if (e.code === 'BracketLeft') return 'mark in'
  if (e.code === 'BracketRight') return 'mark out'
  if (e.code === 'KeyP') return e.shiftKey ? 'listen to program' : 'own sound'
  if (target !== 'other') return null
  if (e.key === 'Enter') return 'take'
  return e.key === ' ' ? 'next' : null
}
