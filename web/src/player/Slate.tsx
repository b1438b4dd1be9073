import type { Status } from '../channel'
import { at } from '../origin'
import { Mark, Ripples } from '../parts'
import { since } from '../words'
import type { State } from './shown'

interface Words {
  title: string
  text: string
}

/** What lies over the picture when there is none to look at. */
export function slateOf(state: State, status: Status | null, slug: string): Words | null {
  const name = status?.title ?? slug
  switch (state) {
    case 'connecting':
      return { title: '', text: 'Tuning in' }
    case 'lost':
      return { title: 'Back in a moment', text: 'The connection is lost. It is being tried again; there is nothing you need to do.' }
    case 'off': {
      const when = since(status?.since ?? '', new Date())
      return { title: 'Off air', text: `${name} is resting${when ? ` ${when}` : ''}. The picture returns here by itself.` }
    }
    case 'never':
      return { title: 'Not on air yet', text: `${name} has not begun. Leave this page open; it starts by itself.` }
    case 'missing':
      return { title: 'No such channel', text: `Nothing is called “${slug}” here. Perhaps the address has a slip of the pen.` }
    case 'barred':
      return status?.gate === 'password'
        ? { title: name, text: 'This channel is for people who have its password.' }
        : { title: 'This channel is private', text: 'Who works on it may watch, and whoever has a playback link that counts.' }
    case 'full':
      return { title: 'No room just now', text: `As many watch ${name} as it lets in. You are let in as soon as somebody leaves; leave this page open.` }
    case 'unplayable':
      return { title: 'This browser cannot play it', text: 'It knows neither Media Source Extensions nor HLS. A current Firefox, Chrome, Edge or Safari does.' }
    default:
      return null
  }
}

export function Slate({ words, state, quiet, picture, logo, children }: { /** null: what is inside says it */ words: Words | null; state: State; quiet: boolean; picture: string; logo: string; children?: preact.ComponentChildren }) {
  const pictured = picture !== '' && !quiet
  return (
    <div class={`slate slate-${state}${quiet ? ' quiet' : ''}${pictured ? ' is-pictured' : ''}`}>
      {pictured ? <img class="slate-picture" src={at(picture)} alt="" /> : !quiet && <Ripples />}
      <div class="slate-words">
        {logo !== '' && !quiet ? <img class="slate-logo" src={at(logo)} alt="" /> : <Mark />}
        {words?.title && <p class="slate-title">{words.title}</p>}
        {words && <p class={words.title ? 'slate-text' : 'slate-wait'}>{words.text}</p>}
        {children}
      </div>
    </div>
  )
}
