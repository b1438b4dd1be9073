import { call, Problem, type Me, type Session } from './api'
import { passkeyFault, readCreation, readRequest, writeCredential, type CreationOptions, type RequestOptions } from './webauthn'

/** Browsers know passkeys only where the connection is safe. */
export const knowsPasskeys = (): boolean => typeof window.PublicKeyCredential === 'function' && navigator.credentials !== undefined

/** Asks the browser; what it says no with becomes a sentence. */
async function ask(work: Promise<Credential | null>): Promise<PublicKeyCredential> {
  let found: Credential | null
  try {
    found = await work
  } catch (e) {
    throw new Problem(0, passkeyFault(e instanceof DOMException ? e.name : ''))
  }
  if (found === null) throw new Problem(0, passkeyFault(''))
  return found as PublicKeyCredential
}

export async function signInByPasskey(): Promise<Session> {
  const { publicKey } = await call<{ publicKey: RequestOptions }>('POST', '/session/passkey/begin')
  const credential = await ask(navigator.credentials.get({ publicKey: readRequest(publicKey) }))
  return call<Session>('POST', '/session/passkey', writeCredential(credential))
}

export async function addPasskey(name: string): Promise<Me> {
  const { publicKey } = await call<{ publicKey: CreationOptions }>('POST', '/me/passkeys/begin')
  const credential = await ask(navigator.credentials.create({ publicKey: readCreation(publicKey) }))
  return call<Me>('POST', `/me/passkeys?name=${encodeURIComponent(name)}`, writeCredential(credential))
}
