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

/** Puts emotes where their words stand between colons. Text stays text: what is sent is what everybody reads. */
export const withEmotes = (text: string): string => text.replace(/:([a-z]+):/g, (whole, word: string) => emotes[word] ?? whole)
