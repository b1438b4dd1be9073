import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { at } from '../origin'
import type { Session } from './session'

/** How somebody gets in who may not watch yet. */
export function Enter({ session }: { session: Session }) {
  if (session.status.value?.gate === 'password') return <Password session={session} />
  return <a class="button" href={at(`/login?next=${encodeURIComponent(`/${session.slug}`)}`)} target="_top">Sign in</a>
}

function Password({ session }: { session: Session }) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const busy = useSignal(false)
  const fault = useSignal('')
  useEffect(() => {
    if (fault.value !== '') field.current?.select()
  }, [fault.value])
  const submit = async (e: SubmitEvent) => {
    e.preventDefault()
    if (busy.value) return
    busy.value = true
    fault.value = ''
    try {
      session.enter(await enter(session.slug, field.current?.value ?? ''))
    } catch (why) {
      fault.value = why instanceof Error ? why.message : String(why)
    }
    busy.value = false
  }
  return (
    <form class="enter" onSubmit={(e) => void submit(e)}>
      <label class="hidden-words" for={id}>Password of this channel</label>
      <input ref={field} id={id} type="password" placeholder="Password" required maxLength={256} autocomplete="off" aria-invalid={fault.value !== ''} aria-describedby={`${id}-fault`} />
      <button class="button" disabled={busy.value} aria-busy={busy.value}>Watch</button>
      <p id={`${id}-fault`} class="enter-fault" role="alert">{fault.value}</p>
    </form>
  )
}

/** Asks the server for a pass. It is asked here and not by what people's pages use: the watch page stays light. */
async function enter(slug: string, password: string): Promise<string> {
  const response = await fetch(at(`/api/v1/channels/${encodeURIComponent(slug)}/enter`), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ password }), signal: AbortSignal.timeout(20_000),
  }).catch(() => null)
  if (response === null) throw new Error('The server does not answer. Try again in a moment.')
  const answer = (await response.json().catch(() => null)) as { token?: unknown } | null
  if (response.ok && typeof answer?.token === 'string') return answer.token
  if (response.status === 403) throw new Error('That is not the password.')
  if (response.status === 429) throw new Error(`Too many tries. Wait ${response.headers.get('Retry-After') ?? '10'} seconds.`)
  if (response.status === 409) location.reload()
  throw new Error('The server cannot do that just now. Try again in a moment.')
}
