import { sentenceOf } from './problems'

export type Scope = 'read' | 'produce' | 'manage' | 'operate'
export type SignUp = 'open' | 'invitation' | 'closed'

/** The signed-in person, as the API says it. */
export interface Me {
  id: string
  email: string
  name: string
  created: string
  confirmed: string
  operator: boolean
  owner: boolean
  password: boolean
  tokens: { id: string; name: string; scopes: Scope[]; created: string; expires: string }[]
  passkeys: { name: string; created: string }[]
  logins: { issuer: string; subject: string }[]
  channels: { slug: string; title: string; role: string }[]
}

/** Who is signed in, and how somebody could. */
export interface Session {
  me?: Me
  signUp: SignUp
  letters: boolean
  provider?: string
  owned: boolean
}

/** What the server refused, with a sentence for the person. Status 0: it did not answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    sentence: string,
  ) {
    super(sentence)
  }
}

/** An answer that takes longer than this does not come any more; hashing a password takes some time of its own. */
const patience = 20_000

/** Asks the API for something. What it refuses, and that it does not answer, is thrown as a Problem. */
export async function call<T = void>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(patience) }
  if (method !== 'GET' && (method !== 'DELETE' || body !== undefined)) {
    init.headers = { 'Content-Type': 'application/json' }
    init.body = JSON.stringify(body ?? {})
  }
  const response = await fetch(`/api/v1${path}`, init).catch(() => null)
  if (response === null) throw new Problem(0, sentenceOf(0, null))
  // An answer that is cut off, or has no body, is as good as an empty one; the status counts.
  const answer: unknown = response.status === 204 ? null : await response.json().catch(() => null)
  if (!response.ok) throw new Problem(response.status, sentenceOf(response.status, answer, response.headers.get('Retry-After')))
  return answer as T
}
