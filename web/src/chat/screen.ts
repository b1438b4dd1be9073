import { call } from '../people/api'
import type { Message } from './talk'

/** How long a line stays on screen, in seconds. */
const lasts = 12

/** Puts what somebody said over the program's pictures, as a graphic of the channel. */
export async function putOnScreen(slug: string, m: Message): Promise<void> {
  await call('POST', `/channels/${encodeURIComponent(slug)}/graphics/chat`, { name: m.name, text: Array.from(m.text).slice(0, 300).join(''), lasts })
}
