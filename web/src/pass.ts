/**
 * What lets somebody watch a channel that not everybody may: the secret of a playback link, or what the server gave
 * for the password. A link brings it behind #, where no log and no other site sees it; it is kept for the next visit.
 */
const key = (slug: string): string => `mayfly-pass-${slug}`

/** Passes of this page, where the browser keeps nothing: in a frame of another site, or by its person's wish. */
const here = new Map<string, string>()

/** What may be a pass. */
const form = /^[\w-]{1,200}$/

function drawer(): Storage | null {
  try {
    return window.localStorage
  } catch {
    return null
  }
}

export function passOf(slug: string): string {
  const known = here.get(slug)
  if (known !== undefined) return known
  try {
    const kept = drawer()?.getItem(key(slug)) ?? ''
    return form.test(kept) ? kept : ''
  } catch {
    return ''
  }
}

/** Keeps a pass, or with '' forgets the one there is. */
export function keepPass(slug: string, pass: string): void {
  here.set(slug, pass)
  try {
    if (pass === '') drawer()?.removeItem(key(slug))
    else drawer()?.setItem(key(slug), pass)
  } catch {
    // Full or forbidden: it counts for as long as the page is open.
  }
}

/** The pass that an address brings along behind #, or ''. */
export function passIn(hash: string): string {
  const pass = new URLSearchParams(hash.replace(/^#/, '')).get('pass') ?? ''
  return form.test(pass) ? pass : ''
}

/** Takes the pass out of the page's address, so that it is not shown around with it by accident. */
export function takePass(slug: string): void {
  const pass = passIn(location.hash)
  if (pass === '') return
  keepPass(slug, pass)
  history.replaceState(history.state, '', location.pathname + location.search)
}

/** An address with the pass of a channel as its ?t=. */
export function withPass(address: string, slug: string): string {
  const pass = passOf(slug)
  return pass === '' ? address : `${address}${address.includes('?') ? '&' : '?'}t=${encodeURIComponent(pass)}`
}
