/*
 * Mayfly's embedded player, steered by the page that it stands on.
 *
 *   <script src="https://tv.example.org/embed.js"></script>
 *   <div id="tv"></div>
 *   <script>
 *     const player = new MayflyPlayer('#tv', { channel: 'news', title: true })
 *     player.on('state', (view) => console.log(view.state))
 *     player.ready.then(() => player.unmute())
 *   </script>
 *
 * The first argument is an element (or its selector) that the player is put into, or an <iframe> that shows one already.
 * Options: channel, item (id of something that the channel offers), t (a moment), origin, muted, volume, autoplay,
 * controls, title, viewers, chat, captions, accent, background.
 *
 * Methods: play(), pause(), mute(), unmute(), setVolume(0 to 1), live(), seek(x), on(event, f), off(event, f), destroy().
 * seek takes a Date, or seconds: of something offered from its beginning, of what is on air behind live.
 * Properties: ready (a promise), view (what the player last said of itself), iframe.
 * Events: ready, state, play, pause, mute, unmute, volume, time (about once a second), ended. Each is told the view:
 * { channel, item, state, paused, muted, volume, time, duration, date, behind, latency, viewers, ended }.
 */
(function () {
  'use strict'
  var script = document.currentScript
  var home = script && script.src ? new URL(script.src).origin : location.origin
  var flags = { muted: '0', autoplay: '0', controls: '0' } // what they say when they are false
  var shows = { title: '1', viewers: '1', chat: '1' } // and these when they are true

  function address(options) {
    if (!options || !/^[a-z0-9-]{2,40}$/.test(options.channel || '')) throw new TypeError('MayflyPlayer: options.channel: want the address of a channel, such as "news"')
    var q = new URLSearchParams()
    if (options.item) q.set('play', options.item)
    if (options.t) q.set('t', options.t)
    for (var off in flags) if (options[off] === false) q.set(off, flags[off])
    for (var on in shows) if (options[on] === true) q.set(on, shows[on])
    if (typeof options.volume === 'number') q.set('volume', String(options.volume))
    if (options.captions) q.set('captions', options.captions)
    if (options.accent) q.set('accent', String(options.accent).replace('#', ''))
    if (options.background) q.set('background', String(options.background).replace('#', ''))
    var query = q.toString()
    return (options.origin || home) + '/' + options.channel + '/embed' + (query ? '?' + query : '')
  }

  class MayflyPlayer {
    constructor(target, options) {
      var at = typeof target === 'string' ? document.querySelector(target) : target
      if (!at) throw new TypeError('MayflyPlayer: there is no element ' + target)
      this._made = !(at instanceof HTMLIFrameElement)
      this._listeners = {}
      this.view = null
      if (this._made) {
        var frame = document.createElement('iframe')
        frame.title = (options && options.label) || 'Live television'
        frame.allow = 'autoplay; fullscreen; picture-in-picture; encrypted-media'
        frame.allowFullscreen = true
        frame.style.cssText = 'border:0;display:block;width:100%;' + (options && options.chat ? 'height:min(640px,90vh)' : 'aspect-ratio:16/9')
        frame.src = address(options)
        at.appendChild(frame)
        this.iframe = frame
      } else this.iframe = at
      this._origin = new URL(this.iframe.src, location.href).origin
      this.ready = new Promise((resolve) => (this._isReady = resolve))
      this._hear = (e) => this._heard(e)
      window.addEventListener('message', this._hear)
      // The frame may have begun before us, or not yet.
      this._hello = setInterval(() => this._say('hello'), 250)
      this._say('hello')
    }

    play() { this._say('play') }
    pause() { this._say('pause') }
    mute() { this._say('mute') }
    unmute() { this._say('unmute') }
    live() { this._say('live') }
    setVolume(v) { this._say('volume', Math.min(1, Math.max(0, Number(v) || 0))) }
    seek(to) {
      if (to instanceof Date) this._say('date', to.getTime())
      else this._say('seek', Number(to) || 0)
    }

    on(event, f) {
      (this._listeners[event] = this._listeners[event] || []).push(f)
      return this
    }

    off(event, f) {
      this._listeners[event] = (this._listeners[event] || []).filter((x) => x !== f)
      return this
    }

    destroy() {
      clearInterval(this._hello)
      window.removeEventListener('message', this._hear)
      this._listeners = {}
      if (this._made) this.iframe.remove()
    }

    _say(what, value) {
      // A frame that is still empty has another origin: what is said to it is lost, and said again by the hello.
      if (this.iframe.contentWindow) this.iframe.contentWindow.postMessage({ mayfly: 1, do: what, value: value }, this.view ? this._origin : '*')
    }

    _heard(e) {
      var m = e.data
      if (e.source !== this.iframe.contentWindow || e.origin !== this._origin || !m || m.mayfly !== 1 || !m.view) return
      var before = this.view
      var now = (this.view = m.view)
      if (!before) {
        clearInterval(this._hello)
        this._isReady(this)
        this._tell('ready')
        this._tell('state')
        return
      }
      if (before.state !== now.state) this._tell('state')
      if (before.paused !== now.paused) this._tell(now.paused ? 'pause' : 'play')
      if (before.muted !== now.muted) this._tell(now.muted ? 'mute' : 'unmute')
      if (before.volume !== now.volume) this._tell('volume')
      if (before.ended !== now.ended && now.ended) this._tell('ended')
      if (m.type === 'time') this._tell('time')
    }

    _tell(event) {
      for (var f of (this._listeners[event] || []).slice()) f(this.view)
    }
  }

  window.MayflyPlayer = MayflyPlayer
})()
