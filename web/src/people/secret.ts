import { signal } from '@preact/signals'

/** What stood behind # in the address: the secret of a link. */
export const secret = signal('')

export type Drawer = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
const invitationKey = 'mayfly-invitation'

/**
 * Takes the secret out of the address bar, where it could be seen or end up in a bookmark. That of an invitation is
 * kept as long as the tab, because its person may have to sign in on the way.
 */
export function takeSecret(hash: string, keep: boolean, drawer: Drawer | null): string {
  const given = hash.replace(/^#/, '')
  if (!keep || drawer === null) return given
  if (given !== '') drawer.setItem(invitationKey, given)
  return given || (drawer.getItem(invitationKey) ?? '')
}

export function forgetInvitation(): void {
  drawerOf()?.removeItem(invitationKey)
}

/** Hands the invitation to the server for the way to another service and back: in an address it would be in logs. */
export function lendInvitation(text: string): void {
  document.cookie = `mayfly-invitation=${text}; path=/login/oidc; max-age=60; samesite=lax`
}

/** The tab's own storage; null where the browser denies it. */
function drawerOf(): Storage | null {
  try {
    return window.sessionStorage
  } catch {
    return null
  }
}

/** Watches for secrets: another link pasted over this one changes only what stands behind #, and loads nothing. */
export function watchSecrets(keep: boolean): void {
  const take = () => {
    const found = takeSecret(location.hash, keep, drawerOf())
    if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search)
    if (found !== '') secret.value = found
  }
  window.addEventListener('hashchange', take)
  take()
}
