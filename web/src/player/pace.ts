/** How fast to play so that the latency is kept: pure. */

export interface Pace {
  /** The distance to the live edge that is aimed at, in seconds. */
  target: number
  rate: number
  /** When the last stall was, or when the target was last lowered. */
  eased: number
}

export const leastTarget = 0.8
export const mostTarget = 4
/**
 * Further behind the aim than this the picture jumps, as nobody wants to wait minutes at a slightly higher speed. When a node
 * dies the picture comes back some 6 s behind, and that is caught up with: nothing of what was sent is left out.
 */
export const tooFar = 12

export const startPace = (now: number): Pace => ({ target: leastTarget, rate: 1, eased: now })

/** A stall means that the aim was too high for this network: stay further back. */
export function afterStall(p: Pace, now: number): Pace {
  return { ...p, target: Math.min(p.target + 0.4, mostTarget), eased: now }
}

/** `behind` is the distance to the live edge, `ahead` what is buffered, both in seconds. */
export function keep(p: Pace, behind: number, ahead: number, now: number): Pace {
  let { target, eased } = p
  if (target > leastTarget && now - eased > 60_000) {
    target = Math.max(leastTarget, target - 0.2)
    eased = now
  }
  return { target, eased, rate: rateOf(p.rate, behind - target, ahead) }
}

function rateOf(rate: number, over: number, ahead: number): number {
  if (ahead < 0.15 && over < 0.5) return 0.95
  if (over > 2.5 && ahead > 1) return 1.15
  if (over > 0.8 && ahead > 0.5) return 1.08
  if (over > 0.25 && ahead > 0.35) return 1.04
  // Between the limits the rate goes on as it is until the aim is reached, so that it changes seldom.
  if (rate > 1 && over > 0.05 && ahead > 0.3) return Math.min(rate, 1.04)
  if (over < -0.3) return 0.96
  if (rate < 1 && (over < -0.05 || ahead < 0.3)) return rate
  return 1
}
