/** How long a smallest delay counts at least, in ms: clocks drift apart, and one of sound stands when the browser is too busy. */
const span = 1500

/**
 * Brings the times of one clock to another, of which only arrivals are known, and those late by chance: what comes
 * through a page waits for whatever the page is doing. The smallest delay of the last seconds is the one that counts.
 */
export class Steady {
  private began = Number.NEGATIVE_INFINITY
  private before = Number.POSITIVE_INFINITY
  private least = Number.POSITIVE_INFINITY

  /** Notes that what bears the time own arrived; both are in ms, of different clocks. */
  note(own: number, arrived: number): void {
    if (arrived - this.began > span) {
      this.before = this.least
      this.least = Number.POSITIVE_INFINITY
      this.began = arrived
    }
    this.least = Math.min(this.least, arrived - own)
  }

  /** Forgets what was noted: one of the clocks stood still. */
  reset(): void {
    this.before = this.least = Number.POSITIVE_INFINITY
  }

  /** How much the other clock is ahead of the own one; 0 before anything arrived. */
  get ahead(): number {
    const d = Math.min(this.before, this.least)
    return Number.isFinite(d) ? d : 0
  }
}
