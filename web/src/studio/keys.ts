/** What a key asks of the desk: to cut to the nth source, to look at it, or to cut to what is looked at. */
export type Wish = { cut: number } | { look: number } | 'take'

/** What a key means; null when it is none of ours, or belongs to what has the focus. Digits count from 1; the place of the key counts, so that Shift and a digit is the same on every keyboard. */
export function wishOf(e: { key: string; code: string; shiftKey: boolean; ctrlKey: boolean; altKey: boolean; metaKey: boolean }, target: 'text' | 'button' | 'range' | 'other'): Wish | null {
  if (e.ctrlKey || e.altKey || e.metaKey || target === 'text') return null
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(e.code)
  if (digit) return e.shiftKey ? { look: Number(digit[1]) - 1 } : { cut: Number(digit[1]) - 1 }
  if (e.key === 'Enter' && target === 'other') return 'take'
  return null
}
