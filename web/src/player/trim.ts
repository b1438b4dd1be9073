import type Hls from 'hls.js'

/** So many seconds are let go at once. */
const stretch = 12

/**
 * Lets go what was played more than so many seconds ago. hls.js would do it by itself, at any time; but if it does it while
 * a part is on its way (1.7), it forgets which parts of that segment it has, and once the segment is over it rests. So it
 * is told to keep everything (`backBufferLength: Infinity`), and this is done just behind a part, when none is on its way
 * unless the viewer catches up.
 */
export function trim(hls: Hls, events: typeof Hls.Events, video: HTMLVideoElement, keep: number): void {
  hls.on(events.FRAG_BUFFERED, () => {
    const end = video.currentTime - keep
    if (video.buffered.length > 0 && video.buffered.start(0) < end - stretch) hls.trigger(events.BUFFER_FLUSHING, { startOffset: 0, endOffset: end, type: null })
  })
}
