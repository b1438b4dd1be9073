/** Which page an address under /login is of. */
export const routes = ['signin', 'new', 'setup', 'invitation', 'forgot', 'password', 'confirm', 'account'] as const
export type Route = (typeof routes)[number]

export function routeOf(pathname: string): Route | null {
  const rest = pathname.replace(/^\/login/, '').replace(/^\/|\/$/g, '')
  if (rest === '') return 'signin'
  return rest !== 'signin' && (routes as readonly string[]).includes(rest) ? (rest as Route) : null
}

/** One's own account. */
export const home = '/login/account'

/** Where somebody goes who has just come: to the channels, or to make one. */
export const studio = '/studio'

/**
 * Where to go afterwards. An address that a link brings along must not lead to another site: it begins with one
 * slash, and has nothing in it that a browser would read as the beginning of a host.
 */
export function localPath(next: string | null | undefined, otherwise = studio): string {
  if (typeof next !== 'string' || !next.startsWith('/') || next.startsWith('//')) return otherwise
  // Browsers take a backslash for a slash, and leave out tabs and line ends wherever they stand.
  if (/[\\\u0000-\u001f\u007f]/.test(next)) return otherwise
  return next
}

export const signInFor = (next: string): string => `/login?next=${encodeURIComponent(next)}`

/** What an invitation is to. */
export interface Invited {
  email?: string
  channel?: string
  title?: string
  role?: string
  operator?: boolean
  expires: string
}

/** What it lets one do, to follow "You are invited to". */
export function invitedTo(i: Invited): string {
  const parts: string[] = []
  if (i.channel) parts.push(`work on the channel “${i.title || i.channel}” as ${roleWords(i.role)}`)
  if (i.operator) parts.push('help to run this server as an operator')
  return parts.length === 0 ? 'make an account on this server' : parts.join(' and ')
}

export function roleWords(role: string | undefined): string {
  return role === 'owner' ? 'an owner' : role === 'producer' ? 'a producer' : role === 'moderator' ? 'a moderator' : 'a helper'
}

/** Where it leads when it was accepted. */
export function afterInvitation(i: Invited): string {
  if (i.channel) return `${studio}/${encodeURIComponent(i.channel)}`
  return i.operator ? '/operate' : studio
}

/** What somebody with the link can do, depending on who is signed in. */
export function invitationStep(i: Invited, signedIn: boolean): 'accept' | 'join' | 'needless' {
  if (!signedIn) return 'join'
  return i.channel || i.operator ? 'accept' : 'needless'
}
