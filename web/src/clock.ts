/**
 * The server's clock as seen from here. Each sample is late by its way through the network, never early, so the
 * greatest offset seen lately is the nearest to the truth.
 */
export class ServerClock {
  private samples: { at: number; offset: number }[] = []
  private coarse: number | null = null

  /** A time the server stamped with milliseconds, received at `at` (both epoch ms). */
  sample(server: number, at: number): void {
    if (!Number.isFinite(server)) return
    this.samples.push({ at, offset: server - at })
    this.samples = this.samples.filter((s) => at - s.at < 600_000).slice(-20)
  }

  /** The Date header of a response: whole seconds, so only good enough to notice a clock that is plainly wrong. */
  header(value: string | null, at: number): void {
    const server = value === null ? NaN : Date.parse(value)
    if (Number.isFinite(server)) this.coarse = server + 500 - at
  }

  /** Milliseconds to add to this machine's clock. */
  get offset(): number {
    if (this.samples.length > 0) return Math.max(...this.samples.map((s) => s.offset))
    return this.coarse !== null && Math.abs(this.coarse) > 2_000 ? this.coarse : 0
  }

  now(at: number): number {
    return at + this.offset
  }
}
