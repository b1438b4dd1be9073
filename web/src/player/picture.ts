import type { Engine } from './engine'

/**
 * Lets a video play. If it may not begin with its sound, it is muted, and again is called. blocked hears whether the browser
 * wants a tap first.
 */
export function begin(video: HTMLVideoElement, blocked: (is: boolean) => void, again: () => void): void {
  video.play().then(
    () => blocked(false),
    (e: unknown) => {
      if (!(e instanceof DOMException) || e.name !== 'NotAllowedError') return
      // With sound it may not begin by itself: without, it mostly may, and the viewer is asked for the sound.
      if (video.muted) blocked(true)
      else {
        video.muted = true
        again()
      }
    },
  )
}

/** Draws the picture of a video, so that it stays in sight while the engine is changed. It reports whether there was one. */
export function hold(video: HTMLVideoElement, canvas: HTMLCanvasElement): boolean {
  if (video.readyState < 2 || video.videoWidth === 0) return false
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  try {
    canvas.getContext('2d')?.drawImage(video, 0, 0)
    return true
  } catch {
    return false // a picture that may not be copied is no reason to stop
  }
}

/** Why an engine is given up whose picture has stood still for so long, in ms, for who looks into it. */
export function standstill(video: HTMLVideoElement, engine: Engine, still: number): string {
  const ranges = video.buffered
  const ahead = ranges.length > 0 ? ranges.end(ranges.length - 1) - video.currentTime : 0
  const edge = engine.edge()
  return `stood still for ${(still / 1000).toFixed(1)} s: ready ${video.readyState}, ${ahead.toFixed(1)} s ahead in ${ranges.length} ranges, ${edge === null ? 'no edge' : `${(edge - video.currentTime).toFixed(1)} s to the edge`}; ${engine.inside()}`
}
