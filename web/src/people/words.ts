/** How dates and deeds are said on these pages. */

/** "3 May 2026"; empty if the time is none, which the server writes as the year 1. */
export function day(iso: string | undefined): string {
  const t = timeOf(iso)
  return t === null ? '' : t.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' })
}

/** "3 Nov 2026, 14:05". */
export function moment(iso: string): string {
  const t = timeOf(iso)
  return t === null ? '' : `${t.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })}, ${t.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`
}

export const known = (iso: string | undefined): boolean => timeOf(iso) !== null

function timeOf(iso: string | undefined): Date | null {
  const t = new Date(iso ?? '')
  return Number.isNaN(t.getTime()) || t.getUTCFullYear() < 2000 ? null : t
}

const deeds: Record<string, string> = {
  'owner.create': 'made the owner’s account',
  'owner.pass-on': 'made another account the owner',
  'account.create': 'made an account',
  'account.delete': 'deleted an account',
  'account.operator': 'changed who is an operator',
  'account.suspend': 'suspended an account, or ended that',
  'account.email': 'corrected an e-mail address',
  'account.password-link': 'made a link for a new password',
  'token.create': 'made a token',
  'settings.change': 'changed the settings',
  'channel.suspend': 'suspended a channel, or ended that',
  'reports.answer': 'answered reports',
  'node.drain': 'had a node leave',
  invite: 'invited somebody',
}

/** What an entry of the audit trail says was done; a deed of a newer server keeps its own name. */
export const deed = (did: string): string => deeds[did] ?? did

/** "0.3 s ahead" of the node that answers; clocks within 50 ms count as the same. */
export function clockWords(ahead: number | undefined): string {
  const s = ahead ?? 0
  if (Math.abs(s) < 0.05) return 'the same'
  return `${Math.abs(s).toFixed(Math.abs(s) < 10 ? 1 : 0)} s ${s > 0 ? 'ahead' : 'behind'}`
}
