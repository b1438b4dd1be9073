import { Steady } from './steady'

/** Not in TypeScript's library for pages: Chromium has it there, others in workers alone or not at all. */
declare const MediaStreamTrackProcessor: { new (init: { track: MediaStreamTrack }): { readable: ReadableStream<VideoFrame> } } | undefined

/**
 * Sees what a track shows: each picture is handed on with the time of performance.now() at which it was taken, as far as
 * that can be known. Whoever gets a picture closes it.
 */
export class Eyes {
  private closed = false
  private reader: ReadableStreamDefaultReader<VideoFrame> | null = null
  private readonly steady = new Steady()

  constructor(
    track: MediaStreamTrack,
    private readonly video: HTMLVideoElement,
    private readonly seen: (frame: VideoFrame, at: number) => void,
  ) {
    if (typeof MediaStreamTrackProcessor === 'function') {
      this.reader = new MediaStreamTrackProcessor({ track }).readable.getReader()
      void this.read(this.reader)
    } else this.watch()
  }

  close(): void {
    this.closed = true
    void this.reader?.cancel().catch(() => {})
  }

  private async read(reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    for (;;) {
      const next = await reader.read().catch(() => null)
      if (next === null || next.done) return
      if (this.closed) {
        next.value.close()
        return
      }
      const own = next.value.timestamp / 1000
      this.steady.note(own, performance.now())
      this.seen(next.value, own + this.steady.ahead)
    }
  }

  /** Without a processor pictures are taken off the page, for as long as it is seen. */
  private watch(): void {
    this.video.requestVideoFrameCallback((now, about) => {
      if (this.closed) return
      this.watch()
      if (this.video.videoWidth === 0) return
      try {
        const at = about.captureTime ?? now
        this.seen(new VideoFrame(this.video, { timestamp: Math.round(at * 1000) }), at)
      } catch {
        // The picture went while it was taken: the next one comes.
      }
    })
  }
}
