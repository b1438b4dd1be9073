/** How loud something is, in dB below full scale: what the ear makes of it, and its highest peak. */
export interface Level {
  rms: number
  peak: number
}

/** Nothing is quieter than this. */
export const quietest = -60

export const silence: Level = { rms: quietest, peak: quietest }

const dB = (amplitude: number): number => Math.max(quietest, 20 * Math.log10(amplitude))

/** The level of samples between -1 and 1. */
export function levelOf(samples: Float32Array): Level {
  let sum = 0
  let peak = 0
  for (const s of samples) {
    sum += s * s
    peak = Math.max(peak, Math.abs(s))
  }
  return samples.length === 0 ? silence : { rms: dB(Math.sqrt(sum / samples.length)), peak: dB(peak) }
}

/** What a meter shows after a while: it follows at once upwards, and falls by 20 dB a second. */
export function fall(shown: Level, now: Level, seconds: number): Level {
  const down = 20 * seconds
  return { rms: Math.max(now.rms, shown.rms - down, quietest), peak: Math.max(now.peak, shown.peak - down, quietest) }
}

/** Whether a peak is as loud as can be: what is louder is cut off, and heard as a crackle. */
export const clips = (peak: number): boolean => peak > -0.1

/** Where a level stands on a meter, from 0 to 1. */
export const place = (level: number): number => Math.min(1, Math.max(0, 1 - level / quietest))

/** Whether a level has been nothing for so long that somebody should know. */
export class Hush {
  private since = Number.POSITIVE_INFINITY

  constructor(private readonly after = 8) {}

  /** Takes the level at a time in seconds; says whether it is too quiet for too long. */
  hear(rms: number, at: number): boolean {
    if (rms > -55) this.since = Number.POSITIVE_INFINITY
    else this.since = Math.min(this.since, at)
    return at - this.since >= this.after
  }
}
