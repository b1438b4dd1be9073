/** What the viewer is told, as a pure function of what is known. */

export type State = 'connecting' | 'live' | 'behind' | 'back' | 'off' | 'lost' | 'never' | 'missing' | 'barred' | 'full' | 'unplayable'

export interface Facts {
  now: number
  /** What the server last said of the channel. */
  channel: 'unknown' | 'missing' | 'barred' | 'never' | 'off' | 'live'
  /** The server answers. */
  link: boolean
  /** This browser can play HLS in some way. */
  playable: boolean
  /** none: nothing was shown yet. still: the viewer wants to see it move and it does not. */
  picture: 'none' | 'moving' | 'still' | 'paused'
  /** Seconds behind the newest that could be seen. */
  behind: number
  /** From how many seconds on a viewer is told to be behind. Ordinary HLS is always some seconds behind. */
  behindLimit: number
  /** The viewer went back on purpose. */
  rewound: boolean
  /** As many watch as may. */
  full: boolean
}

export interface Shown {
  state: State
  /** When this state began. */
  since: number
  /** When the server was last out of reach with the picture standing still; 0 when that is over. */
  lostAt: number
}

export const start: Shown = { state: 'connecting', since: 0, lostAt: 0 }

/** How long "back" is said. */
export const backFor = 2500
/** After a loss the publisher gets this long to come back before the channel is said to be off air. */
export const graceAfterLoss = 10_000

export function next(prev: Shown, f: Facts): Shown {
  const state = stateOf(prev, f)
  let lostAt = prev.lostAt
  if (state === 'lost' && !f.link) lostAt = f.now
  else if (state !== 'lost' && state !== 'connecting') lostAt = 0
  return { state, since: state === prev.state ? prev.since : f.now, lostAt }
}

function stateOf(prev: Shown, f: Facts): State {
  if (!f.playable) return 'unplayable'
  const moving = f.picture === 'moving'
  if (!f.link && !moving && f.picture !== 'paused') return 'lost'
  if (f.channel === 'missing') return 'missing'
  if (f.channel === 'barred') return 'barred'
  if (f.channel === 'never') return 'never'
  const watching = moving || f.picture === 'paused'
  if (f.full && !watching && f.channel === 'live') return 'full'
  if (f.channel === 'off' && !watching) {
    const grace = prev.lostAt > 0 && f.now - prev.lostAt < graceAfterLoss
    if (grace) return 'lost'
    return f.rewound && f.behind > 3 ? 'connecting' : 'off'
  }
  if (!watching) {
    // The server is there again, the picture not yet.
    return prev.state === 'lost' && f.now - prev.lostAt < graceAfterLoss ? 'lost' : 'connecting'
  }
  if (f.rewound) return 'behind'
  if (moving && (prev.state === 'lost' || prev.state === 'off')) return 'back'
  if (prev.state === 'back' && f.now - prev.since < backFor) return 'back'
  // Two limits, so that the word does not flicker.
  const limit = prev.state === 'behind' ? f.behindLimit * 0.6 : f.behindLimit
  return f.behind > limit ? 'behind' : 'live'
}

/** What a screen reader is told when the state changes; empty for what needs no words. */
export function announce(prev: State, state: State): string {
  switch (state) {
    case 'live':
      return prev === 'behind' ? 'You are watching live.' : prev === 'connecting' ? 'The channel is live.' : ''
    case 'behind':
      return 'You are behind live. Press L to jump to live.'
    case 'back':
      return 'The picture is back.'
    case 'off':
      return 'The channel is off air. It goes on by itself when it returns.'
    case 'lost':
      return 'The connection is lost. It is tried again by itself.'
    case 'never':
      return 'The channel has not been on air yet. It starts by itself.'
    case 'missing':
      return 'There is no such channel.'
    case 'barred':
      return 'Not everybody may watch this channel.'
    case 'full':
      return 'As many watch as may. It is tried again by itself.'
    case 'unplayable':
      return 'This browser cannot play the channel.'
    case 'connecting':
      return ''
  }
}
