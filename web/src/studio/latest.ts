/**
 * Tells of something that moves, such as a slider: not of every place on its way, but of the newest now and then, and of
 * the last for certain. One is told at a time.
 */
export class Latest<T> {
  private waiting: { value: T } | null = null
  private busy = false

  constructor(
    private readonly tell: (value: T) => Promise<void>,
    private readonly rested: () => void,
    private readonly pause = () => new Promise((done) => setTimeout(done, 250)),
  ) {}

  put(value: T): void {
    this.waiting = { value }
    if (!this.busy) void this.run()
  }

  private async run(): Promise<void> {
    this.busy = true
    while (this.waiting !== null) {
      const { value } = this.waiting
      this.waiting = null
      await this.tell(value)
      await this.pause()
    }
    this.busy = false
    this.rested()
  }
}
