/** How numbers are said to people. */

export function viewers(n: number): string {
  if (n === 0) return 'no viewers'
  return n === 1 ? '1 viewer' : `${compact(n)} viewers`
}

export function compact(n: number): string {
  if (n < 1000) return String(n)
  if (n < 10_000) return `${Math.floor(n / 100) / 10}k`
  if (n < 1_000_000) return `${Math.floor(n / 1000)}k`
  return `${Math.floor(n / 100_000) / 10}M`
}

/** 3:07 or 1:02:09. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  const m = Math.floor(s / 60) % 60
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

/** "12 seconds", "3 minutes", "1 hour 5 minutes": for a screen reader. */
export function spoken(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const of = (n: number, unit: string) => `${n} ${unit}${n === 1 ? '' : 's'}`
  if (s < 60) return of(s, 'second')
  if (s < 3600) return of(Math.round(s / 60), 'minute')
  const m = Math.round((s % 3600) / 60)
  return of(Math.floor(s / 3600), 'hour') + (m > 0 ? ` ${of(m, 'minute')}` : '')
}

/** "since 14:05", "since yesterday 14:05", "since 3 May". Empty when the time is not known. */
export function since(iso: string, now: Date): string {
  const t = new Date(iso)
  if (iso === '' || Number.isNaN(t.getTime()) || t.getUTCFullYear() < 2000) return ''
  const time = t.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
  const days = Math.round((midnight(now) - midnight(t)) / 86_400_000)
  if (days <= 0) return `since ${time}`
  if (days === 1) return `since yesterday ${time}`
  return `since ${t.toLocaleDateString(undefined, { day: 'numeric', month: 'long' })}`
}

function midnight(d: Date): number {
  return new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
}
