/** Reactions that rise over the player, as the server calls them. */
export const reactions: readonly (readonly [kind: string, sign: string, name: string])[] = [
  ['heart', '❤️', 'Love'],
  ['clap', '👏', 'Applause'],
  ['laugh', '😂', 'Laughter'],
  ['wow', '😮', 'Astonishment'],
  ['sad', '😢', 'Sadness'],
  ['party', '🎉', 'Celebration'],
]

/** Emotes by the word that is written between colons. */
export const emotes: Readonly<Record<string, string>> = {
  smile: '😊', grin: '😁', laugh: '😂', wink: '😉', love: '😍', cool: '😎', think: '🤔', wow: '😮', cry: '😢', angry: '😠', sleepy: '😴', party: '🥳',
  heart: '❤️', fire: '🔥', star: '⭐', sparkles: '✨', tada: '🎉', rocket: '🚀', trophy: '🏆', music: '🎵', mic: '🎤', camera: '🎥', popcorn: '🍿', coffee: '☕',
  thumbsup: '👍', thumbsdown: '👎', clap: '👏', pray: '🙏', wave: '👋', ok: '👌', muscle: '💪', eyes: '👀', hundred: '💯', check: '✅', question: '❓', mayfly: '🪰',
}

/** A channel's own emotes: addresses of pictures, by the name that is written between colons. */
export type Own = Readonly<Record<string, string>>

export const noOwn: Own = {}

const ownName = /^[a-z0-9_]{2,24}$/
const ownImage = /^[0-9a-f]{32}\.(jpg|png)$/

/** Reads a channel's own emotes from JSON, strictly: nothing but names, and pictures of this server. */
export function readOwn(v: unknown, slug: string): Own {
  const own: Record<string, string> = {}
  for (const e of Array.isArray(v) ? (v as unknown[]) : []) {
    if (typeof e !== 'object' || e === null) continue
    const { name, image } = e as { name?: unknown; image?: unknown }
    const file = typeof image === 'string' ? image.slice(image.lastIndexOf('/') + 1) : ''
    if (typeof name === 'string' && ownName.test(name) && ownImage.test(file)) own[name] = `/assets/channels/${encodeURIComponent(slug)}/${file}`
  }
  return own
}

/**
 * Puts emotes where their words stand between colons. Text stays text: what is sent is what everybody reads. The
 * channel's own stay as they are written, and go before others of the same word.
 */
export const withEmotes = (text: string, own: Own = noOwn): string => text.replace(/:([a-z]+):/g, (whole, word: string) => (!Object.hasOwn(own, word) && Object.hasOwn(emotes, word) ? emotes[word]! : whole))
