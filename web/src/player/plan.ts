/** Which engine there should be: a pure decision, taken several times a second. */

export type Mode = 'live' | 'dvr'
export type Step = 'keep' | 'drop' | 'build-live' | 'build-dvr'

export interface Situation {
  now: number
  channel: 'unknown' | 'missing' | 'barred' | 'never' | 'off' | 'live'
  link: boolean
  /** The viewer wants an earlier time than the live playlist has. */
  rewound: boolean
  /** The viewer wants it to play. */
  wanted: boolean
  /** The page is hidden: browsers slow its clock and may stop its pictures, which is no fault. */
  hidden: boolean
  engine: null | { mode: Mode; built: number; moved: number }
  /** Off air has been told for a while (offLimit) and the picture stands. */
  off: boolean
  /** When the server was found again or the publisher returned. */
  returned: number
  /** No build before this. */
  nextTry: number
}

/** A picture that has never moved gets longer than one that stops: the first keyframe may be seconds away. */
export const startLimit = 9000
export const stillLimit = 5000
/** After a return the old engine may go on by itself; it is given this long. */
export const returnLimit = 3000
/** Off air may be a machine's death, after which the same engine goes on without losing a picture. */
export const offLimit = 10_000

export function plan(s: Situation): Step {
  const known = s.channel === 'live' || (s.channel === 'off' && s.rewound)
  if (s.channel === 'missing' || s.channel === 'barred' || s.channel === 'never') return s.engine ? 'drop' : 'keep'
  const mode: Mode = s.rewound ? 'dvr' : 'live'
  const build: Step = s.rewound ? 'build-dvr' : 'build-live'
  if (s.engine === null) return known && s.link && s.now >= s.nextTry ? build : 'keep'
  if (s.engine.mode !== mode && known) return s.link ? build : 'keep'
  if (s.channel === 'off' && !s.rewound) return s.off ? 'drop' : 'keep'
  if (!s.wanted || !s.link || s.hidden || s.channel !== 'live') return 'keep'
  const still = s.now - Math.max(s.engine.moved, s.engine.built)
  const limit = s.engine.moved > s.engine.built ? stillLimit : startLimit
  if (still > limit) return build
  const returned = s.returned > s.engine.built && s.now - s.returned > returnLimit
  return returned && still > returnLimit ? build : 'keep'
}
