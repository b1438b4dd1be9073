import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { fetched } from './again'
import { slugOf } from './channel'
import { takePass } from './pass'
import { offered, type Offered } from './player/film'
import { film, FilmPlayer } from './player/FilmPlayer'
import { readOptions } from './player/options'
import { current, Player } from './player/Player'
import { controlOfFilm, controlOfSession, serveFrame } from './player/remote'
import { useDress } from './wear'
import './styles/base.css'
import './styles/player.css'
import './styles/embed.css'

const slug = slugOf(location.pathname)
takePass(slug)
const options = readOptions(location.search, true)
if (options.background !== '') document.body.style.background = options.background

/** Something that the channel offers; where it does not any more, what is on air. */
function Embed() {
  const [item, setItem] = useState<Offered | null | 'unknown'>(options.item === '' ? null : 'unknown')
  useEffect(() => {
    if (options.item === '') return
    offered(slug).then((all) => setItem(Array.isArray(all) ? (all.find((x) => x.id === options.item) ?? null) : null), () => setItem(null))
  }, [])
  if (item === 'unknown') return <div class="stage" />
  if (item !== null) return <FilmPlayer slug={slug} item={item} options={options} onHelp={() => {}} />
  return options.chat ? <WithChat /> : <Player slug={slug} options={options} onHelp={() => {}} />
}

/** The player, and beside or below it what is said, for whoever may watch. */
function WithChat() {
  const status = current.value?.status.value ?? null
  const open = status !== null && status.gate === ''
  const [Chat, setChat] = useState<typeof import('./chat/Chat').Chat | null>(null)
  useEffect(() => {
    if (open) void fetched(() => import('./chat/Chat')).then((m) => setChat(() => m.Chat), () => {})
  }, [open])
  useDress(options.accent || (status?.accent ?? ''), options.background || (status?.background ?? ''))
  return (
    <div class="with-chat">
      <Player slug={slug} options={options} onHelp={() => {}} />
      {open && Chat && <Chat slug={slug} page={`/${slug}`} />}
    </div>
  )
}

render(<Embed />, document.getElementById('app')!)
serveFrame(() => {
  const [f, s] = [film.value, current.value]
  return f !== null ? controlOfFilm(f) : s !== null ? controlOfSession(s) : null
})
