/** Between what a browser's passkeys speak (bytes) and what the API speaks (base64url). */

export function toBytes(text: string): ArrayBuffer {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, ''))
  const bytes = new Uint8Array(plain.length)
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i)
  return bytes.buffer
}

export function toText(bytes: ArrayBuffer): string {
  let plain = ''
  for (const b of new Uint8Array(bytes)) plain += String.fromCharCode(b)
  return btoa(plain).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

type Descriptor = Omit<PublicKeyCredentialDescriptor, 'id'> & { id: string }

export interface CreationOptions extends Omit<PublicKeyCredentialCreationOptions, 'challenge' | 'user' | 'excludeCredentials'> {
  challenge: string
  user: Omit<PublicKeyCredentialUserEntity, 'id'> & { id: string }
  excludeCredentials?: Descriptor[] | null
}

export interface RequestOptions extends Omit<PublicKeyCredentialRequestOptions, 'challenge' | 'allowCredentials'> {
  challenge: string
  allowCredentials?: Descriptor[] | null
}

const described = (list: Descriptor[] | null | undefined): PublicKeyCredentialDescriptor[] =>
  (list ?? []).map((d) => ({ ...d, id: toBytes(d.id) }))

export function readCreation(o: CreationOptions): PublicKeyCredentialCreationOptions {
  return {
    ...o,
    challenge: toBytes(o.challenge),
    user: { ...o.user, id: toBytes(o.user.id) },
    excludeCredentials: described(o.excludeCredentials),
  }
}

export function readRequest(o: RequestOptions): PublicKeyCredentialRequestOptions {
  return { ...o, challenge: toBytes(o.challenge), allowCredentials: described(o.allowCredentials) }
}

/** A credential as the API reads it. */
export function writeCredential(c: PublicKeyCredential): object {
  const r = c.response as Partial<AuthenticatorAttestationResponse & AuthenticatorAssertionResponse>
  const response: Record<string, unknown> = { clientDataJSON: toText(c.response.clientDataJSON) }
  if (r.attestationObject) {
    response['attestationObject'] = toText(r.attestationObject)
    response['transports'] = r.getTransports?.() ?? []
  }
  if (r.authenticatorData) response['authenticatorData'] = toText(r.authenticatorData)
  if (r.signature) response['signature'] = toText(r.signature)
  if (r.userHandle) response['userHandle'] = toText(r.userHandle)
  return { id: c.id, rawId: toText(c.rawId), type: c.type, response, clientExtensionResults: c.getClientExtensionResults() }
}

/** Why a browser did not hand out a passkey, for the person who holds the device. */
export function passkeyFault(name: string): string {
  switch (name) {
    case 'NotAllowedError':
    case 'AbortError':
      return 'Nothing was done: it was cancelled, or it took too long.'
    case 'InvalidStateError':
      return 'This device holds a passkey of this account already.'
    case 'SecurityError':
      return 'Passkeys need an address with a name and https here. A bare IP address does not do.'
    case 'NotSupportedError':
    case 'ConstraintError':
      return 'This device cannot make such a passkey. Try another one.'
    default:
      return 'The browser could not do that with a passkey.'
  }
}
