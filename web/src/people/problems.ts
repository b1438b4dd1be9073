/** What people are told when something did not work. */

const plain: Record<number, string> = {
  0: 'The server does not answer. Try again in a moment.',
  401: 'You are not signed in any more. Sign in again.',
  403: 'You may not do that.',
  404: 'That is not here any more.',
  410: 'This link does not count any more.',
  429: 'That was too often.',
  503: 'The server cannot do that just now. Try again in a moment.',
}

/** The sentence of a problem+json answer. It has always one, whatever a proxy made of the answer. */
export function sentenceOf(status: number, problem: unknown, retryAfter: string | null = null): string {
  const own = said(problem)
  const wait = Number(retryAfter)
  if (own !== '') return status === 429 && wait > 0 && !/\d/.test(own) ? `${own} Try again in ${waiting(wait)}.` : own
  const known = plain[status] ?? `The server could not do that (${status}). Try again in a moment.`
  return status === 429 && wait > 0 ? `${known} Try again in ${waiting(wait)}.` : known
}

function said(problem: unknown): string {
  if (typeof problem !== 'object' || problem === null) return ''
  const p = problem as { title?: unknown; detail?: unknown; errors?: unknown }
  // A body that does not fit the API's description: the details name the fields.
  const parts = Array.isArray(p.errors) ? p.errors.map(part).filter((s) => s !== '') : []
  if (parts.length > 0) return asSentence(parts.join('; '))
  if (typeof p.detail === 'string' && p.detail !== '') return asSentence(p.detail)
  return typeof p.title === 'string' ? asSentence(p.title) : ''
}

function part(v: unknown): string {
  if (typeof v !== 'object' || v === null) return ''
  const e = v as { message?: unknown; location?: unknown }
  if (typeof e.message !== 'string') return ''
  const field = typeof e.location === 'string' ? e.location.replace(/^(body|query|path)\.?/, '') : ''
  return field === '' ? e.message : `${field}: ${e.message}`
}

/** Begins with a capital and ends with a full stop. */
export function asSentence(text: string): string {
  const t = text.trim()
  if (t === '') return ''
  return t[0]!.toUpperCase() + t.slice(1) + (/[.!?]$/.test(t) ? '' : '.')
}

function waiting(seconds: number): string {
  const s = Math.ceil(seconds)
  if (s < 60) return s === 1 ? '1 second' : `${s} seconds`
  const m = Math.ceil(s / 60)
  return m === 1 ? '1 minute' : `${m} minutes`
}
