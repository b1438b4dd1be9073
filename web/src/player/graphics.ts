import { Log, readShowings } from '../graphics/showing'
import { at } from '../origin'
import { withPass } from '../pass'

/** How much of the past is asked for at once, in ms: the length of a look back. */
const stretch = 10 * 60_000
/** When it is asked again at the earliest: after what was had, and after what could not be had. */
const pause = { had: 1000, failed: 5000 }

/** What a channel's viewer knows of its graphics: told as it happens, and asked for where the viewer went back. */
export class Graphics {
  readonly log = new Log()
  private asking = 0

  constructor(
    private readonly slug: string,
    readonly video: HTMLVideoElement,
    readonly dateAt: (position: number) => number | null,
    /** The server's clock, epoch ms. */
    private readonly now: () => number,
  ) {}

  /** Takes what the server says as it happens. */
  hear(said: unknown): void {
    if (typeof said !== 'object' || said === null || !('since' in said) || !('showings' in said)) return
    const since = Date.parse(String(said.since))
    if (!Number.isNaN(since)) this.log.tell(since, readShowings(said.showings))
  }

  /** A picture is on the screen of whose graphics nothing is known. */
  readonly unknown = (date: number): void => {
    if (Date.now() < this.asking) return
    this.asking = Date.now() + pause.failed
    void this.ask(date - 1000, Math.max(date, Math.min(date + stretch, this.now()))) // of what is to come nothing is known
  }

  private async ask(from: number, to: number): Promise<void> {
    const iso = (date: number) => encodeURIComponent(new Date(date).toISOString())
    try {
      const answer = await fetch(at(withPass(`/api/v1/channels/${encodeURIComponent(this.slug)}/graphics/log?from=${iso(from)}&to=${iso(to)}`, this.slug)), { signal: AbortSignal.timeout(8000) })
      if (!answer.ok) return
      const found: unknown = await answer.json()
      if (typeof found !== 'object' || found === null || !('showings' in found)) return
      this.log.fill(from, to, readShowings(found.showings))
      this.asking = Date.now() + pause.had
    } catch {
      // Without its graphics the picture goes on; they are asked for again.
    }
  }
}
