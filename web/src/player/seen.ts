import { signal, type Signal } from '@preact/signals'
import type { Status } from '../channel'
import type { Quality } from './engine'
import type { State } from './shown'

/** What pages show of a channel that is watched. */
export class Seen {
  readonly status: Signal<Status | null> = signal(null)
  readonly state: Signal<State> = signal('connecting')
  /** Seconds from the publisher to the picture, by the program date and the server's clock; null when not known. */
  readonly latency: Signal<number | null> = signal(null)
  /** Seconds behind the newest that could be seen. */
  readonly behind = signal(0)
  /** How many seconds can be gone back. */
  readonly span = signal(0)
  readonly paused = signal(false)
  readonly muted = signal(true)
  readonly rewound = signal(false)
  /** The last picture lies over the video while there is none. */
  readonly held = signal(false)
  /** There is a picture to look at, moving or not. */
  readonly pictured = signal(false)
  /** The browser wants a tap before it plays anything. */
  readonly blocked = signal(false)

  /** Which qualities there are, best first, which the viewer chose by its height (0: what the network allows), and which plays. */
  readonly qualities: Signal<readonly Quality[]> = signal([])
  readonly quality = signal(0)
  readonly playing = signal(0)
  /** The viewer has not said yet that it may begin. */
  readonly idle = signal(false)
  /** The moment that was asked for is not kept any more. */
  readonly missed = signal(false)
}
