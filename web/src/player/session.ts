import type { Status } from '../channel'
import { Feed, retryDelay } from '../feed'
import { keepPass, passOf } from '../pass'
import { Admission } from './admission'
import { Captions } from './captions'
import { Depth } from './depth'
import { bestOf, build, choose, type Engine, type Quality } from './engine'
import { Graphics } from './graphics'
import type { Options } from './options'
import { afterStall, keep, startPace, tooFar, type Pace } from './pace'
import { offLimit, plan, type Mode } from './plan'
import { begin, hold, standstill } from './picture'
import { Seen } from './seen'
import { next, start, type Facts, type Shown, type State } from './shown'
import { reach } from './timeline'
import { newSession, referrerOf, Teller } from './tell'

const tickEvery = 200
/** Positions nearer to the live playlist's beginning than this are played from the long one. */
const margin = 5
/** When a channel that had no room is asked again. */
const fullAfter = 12_000

/** A picture that stands still for so long, in ms, although there is more, makes the engine look again. */
const nudgeAfter = 1000

/**
 * One channel being watched: the feed of what the server says, the engine that plays, and the clockwork that keeps
 * both going for ever. All decisions are pure functions (shown, plan, pace); this class carries them out.
 */
export class Session extends Seen {
  /** What lay and lies over the pictures. */
  readonly graphics: Graphics

  readonly captions: Captions

  private nudged = 0
  stalls = 0
  private readonly teller = new Teller(newSession(), referrerOf(document.referrer, location.hostname))
  rebuilds = 0
  lastFault = ''

  private shown: Shown = start
  private channel: Facts['channel'] = 'unknown'
  private link = true
  private returned = 0
  private playable = true
  private engine: Engine | null = null
  private engineBuilt = 0
  private moved = 0
  private everMoved = false
  private stalling = false
  private position = -1
  private tries = 0
  private nextTry = 0
  private readonly depth = new Depth()
  private wishDate: number | null = null
  private wishBehind: number | null = null
  /** The moment of the page's address, until it is known whether it is there. */
  private asked: number | null = null
  private lastDate: number | null = null
  private building = false
  private entered = 0
  private readonly admission = new Admission()
  private pace: Pace = startPace(0)
  private readonly feed: Feed
  private readonly off = new AbortController()
  private readonly timer: number

  constructor(
    readonly slug: string,
    readonly video: HTMLVideoElement,
    private readonly canvas: HTMLCanvasElement,
    private readonly options: Options,
  ) {
    super()
    video.muted = options.muted
    video.volume = options.volume
    this.muted.value = options.muted
    this.idle.value = !options.autoplay
    this.captions = new Captions(video, options.captions)
    const moment = options.moment
    if (moment !== null && 'at' in moment && moment.at < Date.now() - 3000) {
      this.rewound.value = true
      this.wishDate = this.asked = moment.at
      this.behind.value = (Date.now() - moment.at) / 1000
    }
    video.playsInline = true
    this.graphics = new Graphics(slug, video, (position) => this.engine?.dateAt(position) ?? null, () => this.feed.clock.now(Date.now()))
    this.listen()
    this.feed = new Feed(slug, {
      status: (s) => this.take(s),
      removed: () => this.setChannel('missing'),
      link: (up) => {
        if (up && !this.link) this.comeBack()
        this.link = up
      },
      graphics: (said) => this.graphics.hear(said),
    })
    // Fetched while the server is asked for the channel; a failure is met again when it is needed.
    if (options.autoplay) choose(video).catch(() => {})
    this.timer = window.setInterval(() => this.tick(), tickEvery)
  }

  close(): void {
    window.clearInterval(this.timer)
    this.off.abort()
    this.feed.close()
    this.captions.close()
    this.engine?.destroy()
    this.engine = null
  }

  /** What plays just now: hls live, hls dvr, native live, native dvr, or none. */
  get engineName(): string {
    return this.engine === null ? 'none' : `${this.engine.kind} ${this.engine.mode}`
  }

  // What the viewer asks for.

  /** There is a pass that lets the viewer watch. */
  enter(pass: string): void {
    keepPass(this.slug, pass)
    this.entered = Date.now()
    this.nextTry = 0
    this.feed.renew()
  }

  toggle(): void {
    if (this.video.paused) this.play()
    else this.video.pause()
  }

  play(): void {
    this.paused.value = false
    if (this.idle.value) {
      this.idle.value = false
      this.video.muted = this.options.muted
      this.step()
    }
    this.start()
  }

  sound(on: boolean): void {
    this.video.muted = !on
    if (on && this.video.volume === 0) this.video.volume = 1
    if (on) this.play()
  }

  /** The time of day of the picture, epoch ms; null while it is not known. */
  get date(): number | null {
    return this.lastDate
  }

  /** Play the quality of that height, or with 0 what the network allows. */
  choose(height: number): void {
    this.quality.value = height
    this.engine?.limit(height)
  }

  /** Go to a time of day. */
  goTo(date: number): void {
    const behind = (this.feed.clock.now(Date.now()) - date) / 1000
    const now = this.lastDate
    const edge = this.engine?.edge() ?? null
    if (now !== null && edge !== null) this.goBack(Math.max(0, edge - this.video.currentTime + (now - date) / 1000))
    else if (behind < 3) this.goLive()
    else this.rewind(date, behind)
  }

  /** The viewer is about to go back: find out how far that is. Asked at most once in a minute. */
  lookBack(): void {
    if (this.engine?.mode !== 'dvr') this.depth.look(this.slug)
  }

  /** Go to so many seconds behind live. */
  goBack(seconds: number): void {
    // With nothing playing (off air) the reach is not known: ask for it, the engine goes as far as it can.
    const behind = Math.max(0, this.engine === null ? seconds : Math.min(seconds, this.span.value))
    const edge = this.engine?.edge() ?? null
    const begin = this.engine?.begin() ?? null
    if (behind < 3 && this.channel === 'live') {
      this.goLive()
      return
    }
    const held = edge !== null && begin !== null && edge - behind >= begin + (this.rewound.value ? 0 : margin)
    if (held) {
      this.video.currentTime = edge - behind
      this.behind.value = behind
      this.chosenBehind = true
      this.touched()
    } else {
      this.rewind(null, behind)
    }
    if (this.channel === 'off') this.play()
  }

  goLive(): void {
    this.paused.value = false
    this.wishDate = this.wishBehind = null
    if (this.rewound.value) {
      this.rewound.value = false
      this.behind.value = 0
      this.nextTry = 0
      this.step()
      return
    }
    const edge = this.engine?.edge() ?? null
    if (edge !== null) this.video.currentTime = Math.max(0, edge - this.pace.target)
    this.touched()
    this.start()
  }

  // What happens.

  private listen(): void {
    const { signal } = this.off
    const { video } = this
    video.addEventListener('pause', () => {
      // A video that is taken apart pauses too; that is not the viewer's wish.
      if (this.engine !== null && !this.building && !video.ended && video.readyState > 0) this.paused.value = true
    }, { signal })
    video.addEventListener('play', () => (this.paused.value = false), { signal })
    video.addEventListener('volumechange', () => (this.muted.value = video.muted || video.volume === 0), { signal })
    video.addEventListener('canplay', () => this.paused.value || this.start(), { signal })
    document.addEventListener('visibilitychange', () => this.touched(), { signal })
  }

  private start(): void {
    if (this.engine === null || !this.video.paused) return
    begin(this.video, (blocked) => (this.blocked.value = blocked), () => this.start())
  }

  private take(s: Status): void {
    // A pass that opens nothing any more is not shown again. An answer may be on its way that was asked for without it.
    if (s.gate !== '' && passOf(this.slug) !== '' && Date.now() - this.entered > 5000) keepPass(this.slug, '')
    this.status.value = s
    this.setChannel(s.gate !== '' ? 'barred' : s.card ? 'live' : s.state)
  }

  private setChannel(channel: Facts['channel']): void {
    if (channel === 'live' && this.channel !== 'live') this.comeBack()
    this.channel = channel
    if (channel === 'missing') this.status.value = null
    this.step()
  }

  private comeBack(): void {
    this.returned = Date.now()
    this.nextTry = Math.min(this.nextTry, this.returned)
  }

  /** The viewer moved the playhead or came back to the page: what stood still until now is no fault. */
  private touched(): void {
    this.moved = this.everMoved ? Date.now() : this.moved
    this.position = this.video.currentTime
    this.stalling = true // the first standstill after a seek is not a stall
  }

  private rewind(date: number | null, behind: number | null): void {
    this.wishDate = date
    this.wishBehind = behind
    if (behind !== null) this.behind.value = behind
    const again = this.rewound.value && this.engine !== null
    this.rewound.value = true
    this.nextTry = 0
    if (again) this.assemble('dvr')
    else this.step()
  }

  private tick(): void {
    this.watch()
    this.step()
  }

  /** Looks at the picture: does it move, how far behind is it, should it be faster. */
  private watch(): void {
    const { video, engine } = this
    const now = Date.now()
    const at = video.currentTime
    const hidden = document.visibilityState === 'hidden'
    if (engine !== null && !video.seeking && video.readyState >= 2 && at > this.position + 0.01 && this.position >= 0) {
      if (this.stalling) this.teller.stood(now - this.moved)
      this.moved = now
      this.everMoved = true
      this.stalling = false
      if (this.held.value) this.held.value = false
      if (now - this.engineBuilt > 10_000) this.tries = 0
    } else if (this.moved > this.engineBuilt && !video.paused && !video.seeking && !hidden && now - this.moved > 350 && !this.stalling) {
      this.stalling = true
      if (this.channel === 'live' && this.link) {
        this.stalls++
        this.pace = afterStall(this.pace, now)
      }
    }
    this.position = at
    const edge = engine?.edge() ?? null
    const begin = engine?.begin() ?? null
    if (engine === null || edge === null || begin === null || video.readyState === 0) return
    const behind = Math.max(0, edge - at)
    if (!video.seeking) this.behind.value = behind
    this.lastDate = engine.dateAt(at) ?? this.lastDate
    if (this.asked !== null && this.lastDate !== null && !video.seeking && this.moved > this.engineBuilt) {
      this.missed.value = Math.abs(this.lastDate - this.asked) > 30_000
      this.asked = null
    }
    // While nothing moves the number would only count the waiting.
    const watching = this.paused.value || now - this.moved < 1500
    this.latency.value = this.lastDate === null || !watching ? null : (this.feed.clock.now(now) - this.lastDate) / 1000
    const since = Date.parse(this.status.value?.since ?? '')
    const onAir = this.channel === 'live' && Number.isFinite(since) ? (this.feed.clock.now(now) - since) / 1000 : 0
    this.span.value = reach(edge - begin, engine.mode === 'dvr', this.depth.length(now, this.channel === 'live'), this.status.value?.dvrWindow ?? 0, onAir)
    if (engine.kind === 'native' || engine.mode !== 'live') {
      if (video.playbackRate !== 1) video.playbackRate = 1
    } else {
      this.keepPace(behind, edge, now)
      // Paused for so long that the live playlist forgets the picture: the long one still has it.
      if (at < begin + 2 && this.chosenBehind && behind > 20) this.rewind(this.lastDate, behind)
    }
  }

  private keepPace(behind: number, edge: number, now: number): void {
    const { video } = this
    const b = video.buffered
    const at = video.currentTime
    const ahead = b.length > 0 ? b.end(b.length - 1) - at : 0
    const chosen = this.paused.value || (this.chosenBehind && behind > 6)
    this.pace = keep(this.pace, chosen ? this.pace.target : behind, ahead, now)
    const engine = this.engine
    if (engine?.early && !chosen && !video.seeking && ahead > 0 && ahead > behind - this.pace.target - 0.5) {
      engine.early = false
      if (behind > this.pace.target + 0.3) {
        video.currentTime = at + Math.min(behind - this.pace.target, ahead - 0.3)
        this.touched()
      }
    } else if (!chosen && behind > this.pace.target + tooFar && ahead > 2 && !video.seeking) {
      video.currentTime = edge - this.pace.target
      this.touched()
    }
    if (video.playbackRate !== this.pace.rate) video.playbackRate = this.pace.rate
  }

  /** The viewer is behind on purpose: by pausing or going back. */
  private chosenBehind = false

  private step(): void {
    const now = Date.now()
    const { video, engine } = this
    this.pictured.value = this.held.value || (engine !== null && this.moved > this.engineBuilt)
    if (this.paused.value && this.everMoved) this.chosenBehind = true
    if (this.behind.value < 2) this.chosenBehind = false
    const still = now - Math.max(this.moved, 0) > 1500
    this.shown = next(this.shown, {
      now,
      channel: this.channel,
      link: this.link,
      playable: this.playable,
      picture: !this.everMoved ? 'none' : this.paused.value && engine !== null ? 'paused' : still ? 'still' : 'moving',
      behind: this.behind.value,
      behindLimit: engine?.kind === 'native' ? 30 : 8,
      rewound: this.rewound.value,
      full: this.admission.full,
    })
    if (this.shown.state !== this.state.value) this.changed(this.shown.state)
    const what = plan({
      now,
      channel: this.channel,
      link: this.link,
      rewound: this.rewound.value,
      wanted: !this.paused.value && !this.blocked.value,
      hidden: document.visibilityState === 'hidden',
      engine: engine === null ? null : { mode: engine.mode, built: this.engineBuilt, moved: this.moved },
      off: this.shown.state === 'off' && now - this.shown.since > offLimit,
      returned: this.returned,
      nextTry: this.nextTry,
    })
    if (this.idle.value) return
    // Should hls.js rest although there is more (see trim), it is told to look again.
    if (what === 'keep' && engine !== null && this.everMoved && !this.paused.value && now - Math.max(this.moved, this.nudged) > nudgeAfter && (engine.edge() ?? 0) > video.currentTime + 1.5) {
      this.nudged = now
      engine.nudge(video.currentTime)
    }
    if (what === 'drop') this.drop()
    else if (what === 'build-live') this.admitted('live')
    else if (what === 'build-dvr') this.admitted('dvr')
    if (engine !== null && !this.paused.value && video.paused && video.readyState >= 3) this.start()
  }

  private changed(state: State): void {
    this.state.value = state
    if (state === 'off') {
      // What was rewound to has been played to its end, or there is nothing to rewind to.
      this.rewound.value = false
      this.paused.value = false
      this.wishDate = this.wishBehind = null
      this.latency.value = null
    }
  }

  private drop(): void {
    if (this.engine === null) return
    if (hold(this.video, this.canvas)) this.held.value = true
    this.engine.destroy()
    this.engine = null
    this.position = -1
    this.latency.value = null
  }

  /** Builds an engine if there is room for one more viewer. */
  private admitted(mode: Mode): void {
    if (this.status.value?.limited !== true || this.engine !== null) return this.assemble(mode)
    this.admission.ask(this.slug, (full) => {
      if (full) this.nextTry = Date.now() + fullAfter * (1 + Math.random() / 2)
      else if (!this.off.signal.aborted) this.assemble(mode)
    })
  }

  /** Builds an engine in place of the one there is. */
  private assemble(mode: Mode): void {
    if (this.building) return
    this.building = true
    const before = this.engine
    const now = Date.now()
    if (before !== null && before.mode === mode) this.lastFault = standstill(this.video, before, now - this.moved)
    this.drop()
    if (this.everMoved && (before === null || before.mode === mode)) this.rebuilds++
    this.engineBuilt = now
    // Should it fail, the next try waits; a try that plays clears the count.
    this.nextTry = now + retryDelay(this.tries++, Math.random())
    if (mode === 'dvr' && this.wishDate === null && this.wishBehind === null) this.wishDate = this.lastDate
    const wish = { mode, slug: this.slug, date: this.wishDate, behind: this.wishBehind, target: this.pace.target, height: this.quality.value, fatal: () => {}, qualities: (all: Quality[]) => (this.qualities.value = bestOf(all)), playing: (height: number) => (this.playing.value = height) }
    choose(this.video).then(
      (kind) => {
        this.building = false
        if (kind.kind === 'none') {
          this.playable = false
          return
        }
        if (this.off.signal.aborted) return
        this.pace = { ...startPace(Date.now()), target: this.pace.target || startPace(0).target }
        this.engineBuilt = Date.now()
        const engine: Engine = build(kind, this.video, { ...wish, fatal: (reason) => this.fail(engine, reason), tell: () => this.teller.headers({ latency: this.latency.value, paused: this.paused.value }) })
        this.engine = engine
        // A later rebuild of the long playlist goes on where the picture stood.
        this.wishDate = this.wishBehind = null
        this.start()
      },
      () => {
        // The player's own script could not be fetched: the server is away. Try again.
        this.building = false
      },
    )
  }

  private fail(engine: Engine, reason: string): void {
    // Not inside the player's own event: it is still at work there.
    queueMicrotask(() => {
      if (this.engine !== engine) return
      this.lastFault = reason
      this.nextTry = Math.max(this.nextTry, Date.now() + retryDelay(this.tries, Math.random()))
      this.drop()
    })
  }
}
