import { expect, test, vi } from 'vitest'
import source from '../../public/embed.js?raw'

interface Steered {
  iframe: { src: string }
  ready: Promise<unknown>
  view: unknown
  on(event: string, f: (view: unknown) => void): unknown
  play(): void
  seek(to: number | Date): void
  setVolume(v: number): void
  destroy(): void
}

/** The script that pages of others load, in a page that is none: an element, a window, and a frame's window. */
function load() {
  const sent: { message: Record<string, unknown>; to: string }[] = []
  const frameWindow = { postMessage: (message: Record<string, unknown>, to: string) => sent.push({ message, to }) }
  class Frame {
    style = {}
    src = ''
    contentWindow = frameWindow
    remove = vi.fn()
  }
  let hear: ((e: unknown) => void) | null = null
  const win: Record<string, unknown> = { addEventListener: (_: string, f: (e: unknown) => void) => (hear = f), removeEventListener: () => (hear = null) }
  const place = { appendChild: vi.fn() }
  const doc = { currentScript: { src: 'https://tv.example.org/embed.js' }, querySelector: (q: string) => (q === '#tv' ? place : null), createElement: () => new Frame() }
  new Function('window', 'document', 'location', 'HTMLIFrameElement', 'setInterval', 'clearInterval', source)(win, doc, { href: 'https://blog.example/', origin: 'https://blog.example' }, Frame, () => 1, () => {})
  const Player = win['MayflyPlayer'] as new (at: unknown, options?: unknown) => Steered
  const tell = (view: unknown, o: object = {}) => hear?.({ source: frameWindow, origin: 'https://tv.example.org', data: { mayfly: 1, type: 'state', view }, ...o })
  return { Player, sent, tell, heard: () => hear }
}

test('the script makes a frame, and says what is asked of it', async () => {
  const { Player, sent, tell, heard } = load()
  const player = new Player('#tv', { channel: 'news', muted: false, title: true, accent: '#0b7285', item: 'a&b' })
  expect(player.iframe.src).toBe('https://tv.example.org/news/embed?play=a%26b&muted=0&title=1&accent=0b7285')
  expect(sent[0]).toMatchObject({ message: { do: 'hello' } })
  const events: string[] = []
  for (const e of ['ready', 'state', 'play', 'pause', 'mute', 'unmute', 'ended', 'time']) player.on(e, () => events.push(e))
  const view = { state: 'connecting', paused: false, muted: true, volume: 1, ended: false }
  tell(view, { origin: 'https://evil.example' })
  tell(view, { source: {} })
  expect(player.view).toBeNull()
  tell(view)
  await player.ready
  tell({ ...view, state: 'live' })
  tell({ ...view, state: 'live', muted: false })
  tell({ ...view, state: 'live', muted: false, paused: true })
  expect(events).toEqual(['ready', 'state', 'state', 'unmute', 'pause'])
  sent.length = 0
  player.play()
  player.seek(30)
  player.seek(new Date(5000))
  player.setVolume(7)
  expect(sent.map((s) => [s.message['do'], s.message['value'], s.to])).toEqual([['play', undefined, 'https://tv.example.org'], ['seek', 30, 'https://tv.example.org'], ['date', 5000, 'https://tv.example.org'], ['volume', 1, 'https://tv.example.org']])
  player.destroy()
  expect(heard()).toBeNull()
})

test('the script says what it cannot do', () => {
  const { Player } = load()
  expect(() => new Player('#nothing', { channel: 'news' })).toThrow('no element')
  for (const bad of [undefined, {}, { channel: '../x' }, { channel: 'javascript:alert(1)' }]) expect(() => new Player('#tv', bad)).toThrow('options.channel')
})
