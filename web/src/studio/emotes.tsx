import { useRef } from 'preact/hooks'
import { call, Problem } from '../people/api'
import { Act, Form, Outcome, useTask } from '../people/form'
import { upload } from './look'
import { shrunk } from './shrink'

/** A small picture of the channel's own. */
export interface Emote {
  name: string
  image: string
}

const most = 50

/** The channel's own emotes: small pictures that stand in the chat where somebody writes their name between colons. */
export function Emotes<Rules>({ at, all, took }: { at: string; all: Emote[]; took: (r: Rules) => void }) {
  const task = useTask()
  const file = useRef<HTMLInputElement>(null)
  return (
    <details class="more">
      <summary>{all.length === 0 ? 'Emotes of your own' : all.length === 1 ? '1 emote of your own' : `${all.length} emotes of your own`}</summary>
      {all.length > 0 && (
        <ul class="emote-list">
          {all.map((e) => (
            <li key={e.name}>
              <img class="own-emote" src={e.image} alt="" />
              <code>:{e.name}:</code>
              <Act task={task} word="Remove" label={`Remove the emote ${e.name}`} does={async () => took(await call<Rules>('DELETE', `${at}/${encodeURIComponent(e.name)}`))} />
            </li>
          ))}
        </ul>
      )}
      <Outcome task={task} />
      {all.length < most && (
        <Form word="Add the emote" clear does={async (read) => {
          const chosen = file.current?.files?.[0]
          if (!chosen) throw new Problem(422, 'Choose a picture first.')
          const name = read('name').trim().replace(/^:|:$/g, '')
          took(await upload<Rules>(`${at}/${encodeURIComponent(name)}`, await shrunk(chosen, 'emote')))
          return `Viewers write :${name}: from now on.`
        }}>
          <div class="field"><label for="emote-name">Name</label><input id="emote-name" name="name" required minLength={2} maxLength={26} pattern=":?[a-z0-9_]{2,24}:?" placeholder="wave" autocomplete="off" spellcheck={false} /><small>Small letters, digits and _. Who writes it between colons gets the picture; screen readers read it.</small></div>
          <div class="field"><label for="emote-file">Picture</label><input ref={file} id="emote-file" type="file" required accept="image/png,image/jpeg,image/webp" /><small>PNG, JPEG or WebP; kept at 128 pixels on a side at most.</small></div>
        </Form>
      )}
    </details>
  )
}
