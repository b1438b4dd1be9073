import { batch, computed, signal } from '@preact/signals'
import { call, Problem } from '../people/api'
import { Air, type Place } from './air'
import { Broadcast } from './broadcast'
import { carrier, Fleet } from './carrier'
import { delayOf } from './delay'
import { Ears } from './ears'
import { frameOf, pictureConfig, qualities, soundConfig, type Quality } from './encoder'
import { Eyes } from './eyes'
import { most, type Tally } from './outbox'

/** What is sent as picture: nothing, a shared window, or the camera of that id ('' for the browser's choice). */
export type View = { kind: 'off' } | { kind: 'screen' } | { kind: 'camera'; id: string }

export const slug = decodeURIComponent(location.pathname.split('/')[2] ?? '')

/** Where this page sends: the source's name, and the key that no one sees. */
export const target = signal<{ id: string; name: string; key: string } | null>(null)

export const cameras = signal<MediaDeviceInfo[]>([])
export const mics = signal<MediaDeviceInfo[]>([])
export const view = signal<View>({ kind: 'camera', id: '' })
export const mic = signal('')
export const muted = signal(false)
export const quality = signal<Quality>(qualities[1]!)
/** The track that is shown on the page; null while the camera is off. */
export const shown = signal<MediaStreamTrack | null>(null)
export const mirrored = signal(false)
export const loudness = signal(-80)

/** ready: nothing is open yet; open: what is sent can be seen here; sending. */
export const phase = signal<'ready' | 'open' | 'sending'>('ready')
export const place = signal<Place>('unknown')
export const tally = signal<Tally | null>(null)
export const dropped = signal(0)
/** Bits a second that nodes acknowledge. */
export const bitrate = signal(0)
/** What a person should know, '' for nothing. */
export const trouble = signal('')
export const onAir = computed(() => phase.value === 'sending' && place.value === 'air')

const fleet = new Fleet()
let ears: Ears | null = null
let eyes: Eyes | null = null
let cast: Broadcast | null = null
let air: Air | null = null
let micTrack: MediaStreamTrack | null = null
let lock: WakeLockSentinel | null = null
/** How many samples late this browser's sound is heard; null until it is measured. */
let delay: number | null = null
/** When what earlier sessions had is through. */
let through: Promise<void> = Promise.resolve()
let last: VideoFrame | null = null
let canvas: OffscreenCanvas | null = null
let video: HTMLVideoElement | null = null

/** What this browser lacks, in words, or ''. */
export async function lacks(): Promise<string> {
  if (!window.isSecureContext) return 'Browsers give a camera only to pages that came over HTTPS (or from localhost). Open this page by its https:// address.'
  if (typeof navigator.mediaDevices?.getUserMedia !== 'function' || typeof AudioWorkletNode === 'undefined') return 'This browser has no camera for pages.'
  if ((await pictureConfig(qualities[0]!)) === null) return 'This browser cannot encode H.264 pictures for this page. Chrome, Edge and Safari from 26 can, on computers and phones; or send from OBS.'
  if ((await soundConfig()) === null) return 'This browser cannot encode sound for this page. Chrome, Edge and Safari from 26 can, on computers and phones; or send from OBS.'
  return ''
}

/** Opens camera and microphone, after the browser has asked its person. */
export async function open(preview: HTMLVideoElement): Promise<void> {
  video = preview
  ears ??= await Ears.open((h) => cast?.hear(h), () => void anew())
  await ears.wake()
  await Promise.all([look(view.value), listen(mic.value)])
  await list()
  if (phase.value === 'ready') {
    phase.value = 'open'
    navigator.mediaDevices.addEventListener('devicechange', () => void list())
    window.setInterval(tick, 200)
  }
}

async function list(): Promise<void> {
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => [])
  batch(() => {
    cameras.value = all.filter((d) => d.kind === 'videoinput' && d.deviceId !== '')
    mics.value = all.filter((d) => d.kind === 'audioinput' && d.deviceId !== '')
  })
}

let looks = 0

/** Shows something else from now on. What was shown goes on until that is there. */
export async function look(to: View): Promise<void> {
  const turn = ++looks
  let track: MediaStreamTrack | null = null
  let sound: MediaStreamTrack | null = null
  try {
    if (to.kind === 'screen') {
      const s = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 30 }, audio: true })
      track = s.getVideoTracks()[0] ?? null
      sound = s.getAudioTracks()[0] ?? null
    } else if (to.kind === 'camera') {
      const q = quality.value
      const want = { width: { ideal: q.width }, height: { ideal: q.height }, frameRate: { ideal: 30 } }
      track = (await navigator.mediaDevices.getUserMedia({ video: to.id === '' ? want : { ...want, deviceId: { exact: to.id } } })).getVideoTracks()[0] ?? null
    }
  } catch (e) {
    trouble.value = words(e, to.kind === 'screen' ? 'screen' : 'camera')
    if (to.kind === 'screen' || shown.value !== null) return
    to = { kind: 'off' }
  }
  if (turn !== looks) { // something else was chosen meanwhile
    track?.stop()
    sound?.stop()
    return
  }
  shown.value?.stop()
  eyes?.close()
  ears?.listen('screen', sound)
  forget()
  const facing = track?.getSettings().facingMode
  batch(() => {
    view.value = to.kind === 'camera' && track !== null ? { kind: 'camera', id: track.getSettings().deviceId ?? to.id } : to
    shown.value = track
    mirrored.value = to.kind === 'camera' && facing !== 'environment'
  })
  eyes = track === null || video === null ? null : new Eyes(track, video, see)
  track?.addEventListener('ended', () => {
    if (shown.value !== track) return
    trouble.value = to.kind === 'screen' ? '' : 'The camera was taken away. Choose another, or plug it in again.'
    void look({ kind: 'off' })
  })
}

/** Hears another microphone from now on. */
export async function listen(id: string): Promise<void> {
  const common = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  try {
    const s = await navigator.mediaDevices.getUserMedia({ audio: id === '' ? common : { ...common, deviceId: { exact: id } } })
    micTrack?.stop()
    const track = s.getAudioTracks()[0] ?? null
    micTrack = track
    mic.value = track?.getSettings().deviceId ?? id
    track?.addEventListener('ended', () => {
      if (micTrack !== track) return
      trouble.value = 'The microphone was taken away: there is no sound. Choose another.'
      ears?.listen('mic', null)
    })
    ears?.listen('mic', track)
  } catch (e) {
    trouble.value = words(e, 'microphone')
  }
}

export function mute(on: boolean): void {
  muted.value = on
  if (ears !== null) ears.muted = on
}

function words(e: unknown, what: 'camera' | 'microphone' | 'screen'): string {
  const name = e instanceof Error ? e.name : ''
  if (name === 'NotAllowedError') return what === 'screen' ? '' : `The browser does not give this page the ${what}: allow it beside the page's address, and try again.`
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return `There is no such ${what}.`
  if (name === 'NotReadableError') return `Another program uses the ${what}: close it, and try again.`
  return `The ${what} could not be opened: ${e instanceof Error ? e.message : String(e)}`
}

/** Takes a picture in: it is sent if something is, and kept to be sent again. */
function see(frame: VideoFrame, at: number): void {
  forget()
  last = frame
  if (cast !== null && ears !== null) cast.see(fit(frame), ears.sampleAt(at))
}

function forget(): void {
  last?.close()
  last = null
}

/** Makes a picture of the size that is sent: as it is if it has it, else within black. */
function fit(frame: VideoFrame | null): VideoFrame {
  const q = quality.value
  if (frame !== null && frame.displayWidth === q.width && frame.displayHeight === q.height) return frame.clone()
  if (canvas === null || canvas.width !== q.width || canvas.height !== q.height) canvas = new OffscreenCanvas(q.width, q.height)
  const pen = canvas.getContext('2d', { alpha: false })!
  pen.fillStyle = '#000'
  pen.fillRect(0, 0, q.width, q.height)
  if (frame !== null) {
    const scale = Math.min(q.width / frame.displayWidth, q.height / frame.displayHeight)
    const [w, h] = [frame.displayWidth * scale, frame.displayHeight * scale]
    pen.drawImage(frame, (q.width - w) / 2, (q.height - h) / 2, w, h)
  }
  return new VideoFrame(canvas, { timestamp: 0 })
}

/** Begins to send, and with air asks for a cut as soon as the source is there. */
export async function send(toAir: boolean): Promise<void> {
  trouble.value = ''
  if (phase.value === 'ready' || target.value === null) return
  await begin()
  if (cast === null) return
  phase.value = 'sending'
  void keepAwake()
  air ??= new Air(slug, target.value.id, () => fleet.origins, (p) => {
    if (p === 'air' && place.value !== 'air') cast?.ask() // what viewers see from the cut on is as young as it can be
    place.value = p
  })
  if (toAir) void cutWhenThere()
}

/** Begins a session. */
async function begin(): Promise<void> {
  const t = target.value
  const q = quality.value
  const [pictures, sound] = await Promise.all([pictureConfig(q), soundConfig()])
  if (t === null || pictures === null || sound === null || ears === null) {
    trouble.value = pictures === null ? `This browser cannot encode ${q.name}: choose a lower quality.` : await lacks()
    return
  }
  await ears.wake()
  delay ??= sound.codec === 'opus' ? 0 : await delayOf(sound, frameOf(sound))
  const mine: Broadcast = new Broadcast({
    pictures, sound, delay, quality: q, carrier, after: through,
    bases: () => fleet.origins.map((o) => `${o}/push/${t.key}`),
    again: () => (last !== null ? fit(last) : fit(null)),
    told: () => count(mine),
    failed: (refused) => {
      if (cast !== mine) return
      if (refused === '') void anew()
      else {
        void stop()
        trouble.value = refused
      }
    },
  })
  cast = mine
}

/** Puts the source on air when it sends. */
async function cutWhenThere(): Promise<void> {
  for (let tries = 0; tries < 60 && phase.value === 'sending' && place.value !== 'air'; tries++) {
    if ((tally.value?.acked ?? 0) > 0) {
      try {
        await call('POST', `/channels/${encodeURIComponent(slug)}/cuts`, { source: target.value!.id })
        return
      } catch (e) {
        if (e instanceof Problem && e.status !== 409 && e.status !== 503) {
          trouble.value = e.message
          return
        }
      }
    }
    await carrier.sleep(250)
  }
}

/** Puts the source on air now. */
export async function cut(): Promise<void> {
  trouble.value = ''
  cast?.ask()
  await cutWhenThere()
}

/** Sends with another quality from now on: a new session, because a session has one size. */
export async function choose(q: Quality): Promise<void> {
  quality.value = q
  if (view.value.kind === 'camera' && shown.value !== null) await look(view.value)
  await anew()
}

/** Begins a new session. What the old one has yet to send comes first. */
async function anew(): Promise<void> {
  const old = cast
  if (old === null) return
  cast = null
  through = old.close(most * 1000)
  await begin()
}

export async function stop(): Promise<void> {
  const old = cast
  cast = null
  batch(() => {
    phase.value = 'open'
    place.value = 'unknown'
    tally.value = null
    bitrate.value = 0
  })
  air?.close()
  air = null
  void lock?.release().catch(() => {})
  lock = null
  if (old !== null) await (through = old.close(4000))
}

let counted = { bytes: 0, at: 0 }

function count(of: Broadcast): void {
  if (of !== cast) return
  tally.value = of.tally
  dropped.value = of.dropped
}

function tick(): void {
  if (ears === null) return
  loudness.value = ears.loudness
  if (cast === null) return
  count(cast)
  const now = performance.now()
  if (now - counted.at > 4000) {
    const bytes = tally.value?.bytes ?? 0
    bitrate.value = bytes >= counted.bytes && counted.at > 0 ? ((bytes - counted.bytes) * 8000) / (now - counted.at) : 0
    counted = { bytes, at: now }
  }
  if (ears.still) void ears.wake()
}

/** Keeps the screen on: a phone that sleeps sends nothing. */
async function keepAwake(): Promise<void> {
  if (phase.value !== 'sending' || document.visibilityState !== 'visible') return
  lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return
  void keepAwake()
  void ears?.wake()
})
window.addEventListener('beforeunload', (e) => phase.value === 'sending' && e.preventDefault())
window.addEventListener('pagehide', () => void cast?.close(0))

/** `window.mayflyCamera`: what the page is doing, to look at and never to set. Tests and support rely on it. */
Object.defineProperty(window, 'mayflyCamera', {
  value: Object.freeze({
    get phase() { return phase.value },
    get place() { return place.value },
    get tally() { return tally.value },
    get dropped() { return dropped.value },
    get bitrate() { return bitrate.value },
    get trouble() { return trouble.value },
    get origins() { return fleet.origins },
  }),
})
