// Opens a page of Mayfly in a real browser and says on stdout, one JSON line every 500 ms, what the player does.
//
//   node web/test/browser.mjs URL [--seconds N] [--shots DIR] [--pixel] [--width W] [--height H] [--light] [--reduced]
//
// On stdin: "shot NAME" takes a screenshot to DIR/NAME.png, "key NAME" presses a key, "quit" ends it. The last line
// is {"end":true,...} with every uncaught exception and every console error that is no failed network load.
// --pixel reads the clock burnt into the picture: in the top left 480x20 px of 1280x720, 24 black or white squares,
// most significant first, are the time of publishing in ms modulo 2^24; "clockLatency" is now minus that.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { launch, overhear, playsAlone } from './page.mjs'

const { values: opt, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '30' },
    shots: { type: 'string' },
    pixel: { type: 'boolean', default: false },
    width: { type: 'string', default: '1280' },
    height: { type: 'string', default: '800' },
    light: { type: 'boolean', default: false },
    reduced: { type: 'boolean', default: false },
  },
})
const url = positionals[0]
if (url === undefined) {
  console.error('usage: node web/test/browser.mjs URL [--seconds N] [--shots DIR] [--pixel]')
  process.exit(2)
}
if (opt.shots) mkdirSync(opt.shots, { recursive: true })

const exceptions = []
const errors = []
const say = (v) => process.stdout.write(JSON.stringify(v) + '\n')

const browser = await launch(playsAlone, '--disable-quic')
const page = await browser.newPage({
  viewport: { width: Number(opt.width), height: Number(opt.height) },
  colorScheme: opt.light ? 'light' : 'dark',
  reducedMotion: opt.reduced ? 'reduce' : 'no-preference',
})
overhear(page, exceptions, errors)

const began = Date.now()
let ended = false
let reloads = -1
page.on('domcontentloaded', () => reloads++) // a page that changes its own address is not loaded anew

async function end(code) {
  if (ended) return
  ended = true
  say({ end: true, exceptions, console: errors, reloads })
  await browser.close().catch(() => {})
  process.exit(code)
}

process.on('SIGTERM', () => void end(0))
createInterface({ input: process.stdin }).on('line', async (line) => {
  const [word, name] = line.trim().split(/\s+/)
  try {
    if (word === 'quit') await end(0)
    else if (word === 'shot' && name) {
      if (opt.shots) await page.screenshot({ path: join(opt.shots, `${name.replace(/[^\w.-]/g, '_')}.png`) })
      say({ shot: name })
    } else if (word === 'key' && name) await page.keyboard.press(name)
  } catch (e) {
    if (!ended) say({ failed: line.trim(), error: String(e) })
  }
})

// For how long the picture stood still, at most, since it was asked last; runs in the page. A stall shorter
// than the half second between two looks is seen too.
function watchStill() {
  let place = 0
  let since = 0
  let longest = 0
  setInterval(() => {
    const at = document.querySelector('video')?.currentTime ?? 0
    const now = performance.now()
    if (at !== place) {
      if (place > 0) longest = Math.max(longest, now - since)
      place = at
      since = now
    }
  }, 25)
  window.mayflyStill = () => {
    const most = place > 0 ? Math.max(longest, performance.now() - since) : 0
    longest = 0
    return most
  }
}
await page.addInitScript(watchStill)

// What the page says of itself; runs in the page.
function look(pixel) {
  const m = window.mayfly
  const video = document.querySelector('video')
  const seen = {
    wall: Date.now(),
    state: m?.state ?? null,
    latency: m?.latency ?? null,
    currentTime: video?.currentTime ?? 0,
    frames: video?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
    stalls: m?.stalls ?? 0,
    rebuilds: m?.rebuilds ?? 0,
    readyState: video?.readyState ?? 0,
    behind: m?.behind ?? null,
    rate: video?.playbackRate ?? 1,
    player: m?.player ?? null,
    fault: m?.lastFault ?? '',
    still: window.mayflyStill?.() ?? 0,
  }
  if (window.mayflyDemo) seen.demo = { ...window.mayflyDemo }
  if (!pixel) return seen
  seen.clockLatency = null
  if (!video || video.readyState < 2 || video.videoWidth === 0) return seen
  const canvas = (window.mayflyPixels ??= document.createElement('canvas'))
  canvas.width = 480
  canvas.height = 20
  const scale = video.videoWidth / 1280
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  pen.drawImage(video, 0, 0, 480 * scale, 20 * scale, 0, 0, 480, 20)
  const now = Date.now()
  const data = pen.getImageData(0, 10, 480, 1).data
  let code = 0
  for (let i = 0; i < 24; i++) code = code * 2 + (data[(i * 20 + 10) * 4 + 1] > 127 ? 1 : 0)
  seen.clockLatency = ((now & 0xffffff) - code + 0x1000000) % 0x1000000
  return seen
}

try {
  await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 20_000 })
} catch (e) {
  exceptions.push(`the page did not open: ${e}`)
  await end(1)
}
const until = began + Number(opt.seconds) * 1000
while (!ended && Date.now() < until) {
  const started = Date.now()
  try {
    const seen = await page.evaluate(look, opt.pixel)
    if (!ended) say({ t: Date.now() - began, ...seen })
  } catch (e) {
    if (ended) break
    exceptions.push(`the page could not be looked at: ${e}`)
    await end(1)
  }
  await new Promise((done) => setTimeout(done, Math.max(0, 500 - (Date.now() - started))))
}
await end(0)
