import { signal } from '@preact/signals'
import { call, Problem, type Me, type Session } from './api'

/** Who is signed in, and how one could; null until the server has said it. */
export const session = signal<Session | null>(null)

/** Why that is not known, for people. */
export const trouble = signal('')

/** What just happened, for who cannot see it. */
export const said = signal('')

/** Asks until there is an answer. A refusal stays as it is; a server that is out of reach is asked again. */
export async function load(): Promise<void> {
  try {
    session.value = await call<Session>('GET', '/session')
    trouble.value = ''
  } catch (e) {
    trouble.value = e instanceof Problem ? e.message : String(e)
    if (e instanceof Problem && e.status >= 400 && e.status < 500 && e.status !== 429) return
    window.setTimeout(() => void load(), 2000 + 2000 * Math.random())
  }
}

export function setMe(me: Me): void {
  if (session.value) session.value = { ...session.value, me }
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/session')
  if (session.value === null) return
  const { me: _, ...nobody } = session.value
  session.value = nobody
}

export async function reloadMe(): Promise<void> {
  setMe(await call<Me>('GET', '/me'))
}

/** After an answer that said 401: a wrong password leaves the session as it was, an ended session leaves nobody. */
export async function recheck(): Promise<void> {
  if (session.value?.me === undefined) return
  try {
    const now = await call<Session>('GET', '/session')
    if (now.me === undefined) session.value = now
  } catch {
    // Not known now; what failed is shown anyhow.
  }
}
