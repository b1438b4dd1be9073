import { render } from 'preact'
import { slugOf } from './channel'
import { Player } from './player/Player'
import './styles/base.css'
import './styles/player.css'

render(<Player slug={slugOf(location.pathname)} onHelp={() => {}} />, document.getElementById('app')!)
