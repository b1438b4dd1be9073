import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { embedAddress } from '../player/options'

const sizes = ['As wide as its place', '640 × 360', '854 × 480', '1280 × 720'] as const

/** The frame's size. With the chat a fixed player keeps its own; one as wide as its place is as high as a phone's chat needs. */
function measureOf(size: number, chat: boolean): string {
  if (size === 0) return `style="border:0;width:100%;${chat ? 'height:min(640px,90vh)' : 'aspect-ratio:16/9'}"`
  const [width, height] = sizes[size]!.split(' × ').map(Number) as [number, number]
  return `width="${width + (chat ? 340 : 0)}" height="${height}" style="border:0"`
}

/** Writes the code that puts the player on another page, as the viewer wants it. */
export function EmbedSheet({ slug, title, item, accent, close }: { slug: string; title: string; item: string; accent: string; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const size = useSignal(0)
  const muted = useSignal(true)
  const autoplay = useSignal(true)
  const controls = useSignal(true)
  const name = useSignal(false)
  const count = useSignal(false)
  const chat = useSignal(false)
  const colour = useSignal('')
  const said = useSignal('Copy')
  useEffect(() => dialog.current?.showModal(), [])
  const src = embedAddress(location.origin, slug, { item, muted: muted.value, autoplay: autoplay.value, controls: controls.value, title: name.value, viewers: count.value, chat: chat.value && item === '', accent: colour.value })
  const escape = (s: string) => s.replace(/[&"<>]/g, (c) => `&#${c.charCodeAt(0)};`)
  const measure = measureOf(size.value, chat.value && item === '')
  const code = `<iframe src="${escape(src)}" title="${escape(title)}" ${measure} allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(code)
      said.value = 'Copied'
    } catch {
      // Not allowed here (plain http): the text is selected, the viewer can copy it.
      said.value = 'Selected: copy it with Ctrl C'
    }
  }
  const tick = (label: string, s: { value: boolean }) => <label class="tick"><input type="checkbox" checked={s.value} onChange={(e) => { s.value = e.currentTarget.checked; said.value = 'Copy' }} />{label}</label>
  return (
    <dialog ref={dialog} class="sheet embed-sheet" aria-labelledby="embed-title" onClose={close}>
      <h2 id="embed-title">Put the player on your page</h2>
      <div class="embed-choices">
        <label>Size<select value={size.value} onChange={(e) => (size.value = Number(e.currentTarget.value))}>{sizes.map((s, i) => <option key={s} value={i}>{s}</option>)}</select></label>
        {tick('Begins by itself', autoplay)}
        {tick('Without sound at first', muted)}
        {tick('Controls', controls)}
        {tick('The channel’s name', name)}
        {tick('How many watch', count)}
        {item === '' && tick('The chat beside it', chat)}
        <label class="tick"><input {...{ type: 'color' }} value={colour.value || accent || '#ffb454'} onInput={(e) => (colour.value = e.currentTarget.value)} />Colour of its marks</label>
      </div>
      <textarea ref={field} readOnly rows={5} aria-label="Embed code" value={code} spellcheck={false} />
      <p class="dim small">A page that embeds the player can steer it: see <a href="/api/docs">the API</a> and <code>{location.origin}/embed.js</code>.</p>
      <form method="dialog">
        <button type="button" class="button" onClick={() => void copy()}>{said.value}</button>
        <button class="button ghost">Close</button>
      </form>
    </dialog>
  )
}
