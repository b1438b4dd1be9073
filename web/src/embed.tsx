import { render } from 'preact'
import { slugOf } from './channel'
import { takePass } from './pass'
import { Player } from './player/Player'
import './styles/base.css'
import './styles/player.css'

const slug = slugOf(location.pathname)
takePass(slug)
render(<Player slug={slug} onHelp={() => {}} />, document.getElementById('app')!)
