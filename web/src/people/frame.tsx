import { useEffect } from 'preact/hooks'
import { Brand } from '../parts'
import type { Me, Session } from './api'
import { Asker } from './ask'
import { signInFor } from './paths'
import { said, session, trouble } from './whoami'

/** What stands around each page about people. */
export function Frame({ wide = false, children }: { wide?: boolean; children: preact.ComponentChildren }) {
  const me = session.value?.me
  return (
    <>
      <header class="top">
        <Brand />
        <nav aria-label="Mayfly">
          <a href="/">Guide</a>
          {me && wide && <a href="/studio" aria-current={location.pathname === '/studio' ? 'page' : undefined}>Studio</a>}
          {me && wide && <a href="/login/account" aria-current={location.pathname === '/login/account' ? 'page' : undefined}>Account</a>}
          {me?.operator && wide && <a href="/operate" aria-current={location.pathname === '/operate' ? 'page' : undefined}>Operate</a>}
        </nav>
      </header>
      <main class={wide ? 'people wide' : 'people'}>{children}</main>
      <p class="hidden-words" role="status">{said.value}</p>
      <Asker />
    </>
  )
}

/** Shows a page once it is known who looks at it. */
export function Known({ children }: { children: (s: Session) => preact.ComponentChildren }) {
  const s = session.value
  if (s !== null) return <>{children(s)}</>
  if (trouble.value !== '') return <p class="away" role="alert">{trouble.value}</p>
  return <p class="loading" role="status">One moment</p>
}

/** A page that is somebody's: who is not signed in goes to sign in and comes back. */
export function Own({ path, children }: { path: string; children: (me: Me, s: Session) => preact.ComponentChildren }) {
  return <Known>{(s) => (s.me === undefined ? <Away path={path} /> : children(s.me, s))}</Known>
}

function Away({ path }: { path: string }) {
  const to = signInFor(path)
  useEffect(() => location.replace(to), [to])
  return <p class="loading"><a href={to}>Sign in to go on</a></p>
}
