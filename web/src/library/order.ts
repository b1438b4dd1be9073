/** The list with the thing at one place moved to another. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const out = [...list]
  const [x] = out.splice(from, 1)
  if (x === undefined) return out
  out.splice(Math.max(0, Math.min(to, out.length)), 0, x)
  return out
}

/** The list without what is at a place. */
export const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at)
