import { expect, test } from 'vitest'
import { afterInvitation, invitationStep, invitedTo, localPath, routeOf, signInFor } from './paths'
import { asSentence, sentenceOf } from './problems'
import { takeSecret, type Drawer } from './secret'
import { passkeyFault, readCreation, readRequest, toBytes, toText, writeCredential } from './webauthn'
import { clockWords, day, deed, known, moment } from './words'

test('the page of an address', () => {
  expect(['/login', '/login/', '/login/new', '/login/setup/'].map(routeOf)).toEqual(['signin', 'signin', 'new', 'setup'])
  expect(['/login/signin', '/login/else', '/login/new/more', '/login/constructor'].map(routeOf)).toEqual([null, null, null, null])
})

test('next leads only to pages of ours', () => {
  for (const good of ['/', '/login/account', '/news?at=5#x', '/a//b']) expect(localPath(good)).toBe(good)
  for (const bad of [null, undefined, '', 'news', '//evil.example', '/\\evil.example', '/a\\b', 'https://evil.example', 'javascript:alert(1)', '/\t/evil.example', '/\n/evil.example', ' /x']) {
    expect(localPath(bad)).toBe('/studio')
  }
  expect(localPath('//x', '/')).toBe('/')
  expect(signInFor('/login/account?a=1')).toBe('/login?next=%2Flogin%2Faccount%3Fa%3D1')
})

test('a problem has always a sentence', () => {
  expect(sentenceOf(401, { title: 'Unauthorized', status: 401, detail: 'e-mail address and password do not belong together' })).toBe('E-mail address and password do not belong together.')
  expect(sentenceOf(409, { title: 'Conflict' })).toBe('Conflict.')
  expect(sentenceOf(422, { detail: 'validation failed', errors: [{ message: 'expected length <= 80', location: 'body.name' }, { message: 'odd' }, 'x'] })).toBe('Name: expected length <= 80; odd.')
  expect(sentenceOf(0, null)).toMatch(/does not answer/)
  expect(sentenceOf(502, '<html>')).toMatch(/502/)
  expect(sentenceOf(429, { detail: 'too many tries: wait 10s and try again' }, '10')).toBe('Too many tries: wait 10s and try again.')
  expect(sentenceOf(429, { detail: 'too many tries' }, '10')).toBe('Too many tries. Try again in 10 seconds.')
  expect(sentenceOf(429, null, '90')).toBe('That was too often. Try again in 2 minutes.')
  expect(sentenceOf(429, null, 'Wed, 21 Oct 2026 07:28:00 GMT')).toBe('That was too often.')
  expect([asSentence(''), asSentence('why?'), asSentence(' x ')]).toEqual(['', 'Why?', 'X.'])
})

test('base64url and bytes', () => {
  const bytes = new Uint8Array([0, 1, 250, 251, 252, 253, 254, 255, 62, 63])
  for (let n = 0; n <= bytes.length; n++) {
    const text = toText(bytes.slice(0, n).buffer)
    expect(text).toMatch(/^[\w-]*$/)
    expect([...new Uint8Array(toBytes(text))]).toEqual([...bytes.slice(0, n)])
  }
  expect(toText(new Uint8Array([251, 255]).buffer)).toBe('-_8')
  expect([...new Uint8Array(toBytes('-_8='))]).toEqual([251, 255])
})

test('what passkeys are asked, and what they answer', () => {
  const creation = readCreation({ challenge: 'AQI', rp: { name: 'Mayfly' }, user: { id: 'AwQ', name: 'a', displayName: 'A' }, pubKeyCredParams: [], excludeCredentials: [{ id: 'BQ', type: 'public-key' }] })
  expect([...new Uint8Array(creation.challenge as ArrayBuffer)]).toEqual([1, 2])
  expect([...new Uint8Array(creation.user.id as ArrayBuffer)]).toEqual([3, 4])
  expect([...new Uint8Array(creation.excludeCredentials![0]!.id as ArrayBuffer)]).toEqual([5])
  expect(readRequest({ challenge: 'AQI', allowCredentials: null }).allowCredentials).toEqual([])
  const bytes = (...b: number[]) => new Uint8Array(b).buffer
  const answer = { id: 'BQ', rawId: bytes(5), type: 'public-key', getClientExtensionResults: () => ({}), response: { clientDataJSON: bytes(1), authenticatorData: bytes(2), signature: bytes(3), userHandle: null } }
  expect(writeCredential(answer as unknown as PublicKeyCredential)).toEqual({ id: 'BQ', rawId: 'BQ', type: 'public-key', clientExtensionResults: {}, response: { clientDataJSON: 'AQ', authenticatorData: 'Ag', signature: 'Aw' } })
  expect(passkeyFault('NotAllowedError')).toMatch(/cancelled/)
  expect(passkeyFault('?')).not.toBe('')
})

test('invitations: what they are to, and where they lead', () => {
  const expires = '2026-05-03T00:00:00Z'
  const news = { channel: 'news', title: 'The News', role: 'owner', expires }
  expect(invitedTo(news)).toBe('work on the channel “The News” as an owner')
  expect(invitedTo({ ...news, operator: true })).toMatch(/as an owner and help to run/)
  expect(invitedTo({ expires })).toBe('make an account on this server')
  expect([afterInvitation(news), afterInvitation({ operator: true, expires }), afterInvitation({ expires })]).toEqual(['/studio/news', '/operate', '/studio'])
  expect([invitationStep(news, true), invitationStep(news, false), invitationStep({ expires }, true), invitationStep({ operator: true, expires }, true)]).toEqual(['accept', 'join', 'needless', 'accept'])
})

test('the secret of an invitation survives signing in, that of another link does not', () => {
  const kept = new Map<string, string>()
  const drawer: Drawer = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v), removeItem: (k) => void kept.delete(k) }
  expect(takeSecret('#abc', false, drawer)).toBe('abc')
  expect(kept.size).toBe(0)
  expect(takeSecret('', true, drawer)).toBe('')
  expect(takeSecret('#abc', true, drawer)).toBe('abc')
  expect(takeSecret('', true, drawer)).toBe('abc')
  expect(takeSecret('#new', true, drawer)).toBe('new')
  expect(takeSecret('#abc', true, null)).toBe('abc')
})

test('times and deeds in words', () => {
  expect([day('0001-01-01T00:00:00Z'), day(undefined), day('x')]).toEqual(['', '', ''])
  expect([known('0001-01-01T00:00:00Z'), known('2026-05-03T12:00:00Z')]).toEqual([false, true])
  expect(day('2026-05-03T12:00:00Z')).toBe('3 May 2026')
  expect(moment('2026-05-03T12:00:00Z')).toMatch(/^[34] May 2026, \d\d:\d\d$/)
  expect([deed('invite'), deed('odd.thing')]).toEqual(['invited somebody', 'odd.thing'])
  expect([clockWords(undefined), clockWords(0.3), clockWords(-12.4)]).toEqual(['the same', '0.3 s ahead', '12 s behind'])
})
