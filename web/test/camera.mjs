// Somebody makes an account and a channel, and goes on air with a browser's camera, in a real browser.
//
//   node web/test/camera.mjs SETUP-LINK [--shots DIR] [--device]
//
// The camera is drawn by the page: 16 black or white squares at the top tell the time of its sound's clock at which the
// picture was drawn, in ms modulo 65,536, and a tone is heard for the first tenth of each second of that clock. So it can
// be measured how picture and sound are shifted, however late the picture was drawn. With --device it is Chromium's own
// test device.
//
// On stdout, one JSON line per step; after each step but the first it waits for a line on stdin. The last line is
// {"end":true,...} with every uncaught exception and console error.
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { fakeCamera, launch, overhear, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' }, device: { type: 'boolean', default: false } } })
const setup = new URL(positionals[0])
const say = (v) => process.stdout.write(JSON.stringify(v) + '\n')
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const browser = await launch(playsAlone, ...fakeCamera)
const exceptions = []
const errors = []
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark', permissions: ['camera', 'microphone'] })
context.setDefaultTimeout(20_000)
const page = await context.newPage()
overhear(page, exceptions, errors, /blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource\.$/)

// A camera and a microphone that show and say the same at the same time; runs in the page.
function draw() {
  const period = 50
  let sound = null
  let picture = null
  const open = () => {
    if (sound !== null) return
    sound = new AudioContext({ sampleRate: 48000 })
    const tone = sound.createOscillator()
    const gate = sound.createGain()
    gate.gain.value = 0
    tone.frequency.value = 1000
    tone.connect(gate)
    tone.start()
    const out = sound.createMediaStreamDestination()
    gate.connect(out)
    const first = Math.ceil(sound.currentTime) + 1
    for (let k = first; k < first + 300; k++) {
      gate.gain.setValueAtTime(0.7, k)
      gate.gain.setValueAtTime(0, k + 0.1)
    }
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 360
    const pen = canvas.getContext('2d')
    const paint = () => {
      const now = Math.round(sound.currentTime * 1000)
      for (let i = 0; i < 16; i++) {
        pen.fillStyle = (now >> (15 - i)) & 1 ? '#fff' : '#000'
        pen.fillRect(i * 40, 0, 40, 40)
      }
      setTimeout(paint, period)
    }
    paint()
    picture = canvas.captureStream()
    sound.stream = out.stream
  }
  navigator.mediaDevices.getUserMedia = async (want) => {
    open()
    const tracks = []
    if (want.video) tracks.push(picture.getVideoTracks()[0].clone())
    if (want.audio) tracks.push(sound.stream.getAudioTracks()[0].clone())
    return new MediaStream(tracks)
  }
}
if (!opt.device) await page.addInitScript(draw)

const shoot = shooter(opt.shots, 'camera')
const shot = (name) => shoot(page, name)
const state = () => page.evaluate(() => {
  const c = window.mayflyCamera
  return { phase: c.phase, place: c.place, ...c.tally, dropped: c.dropped, trouble: c.trouble, origins: c.origins }
})
const until = (f, arg) => page.waitForFunction(f, arg, { timeout: 20_000, polling: 50 })

try {
  await page.goto(setup.href)
  await page.getByLabel('E-mail').fill('ada@example.org')
  await page.getByLabel('Password', { exact: true }).fill('four words do well')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/studio')
  await page.getByLabel('Title').fill('Camera')
  await page.getByRole('button', { name: 'Make the channel' }).click()
  await page.waitForURL('**/studio/camera')
  await page.getByRole('link', { name: 'Camera', exact: true }).first().click()
  await page.waitForURL('**/studio/camera/camera*')
  say({ step: 'there' })

  await page.getByLabel('Quality').waitFor()
  await shot('ready')
  await page.getByRole('button', { name: 'Open camera and microphone' }).click()
  await page.getByLabel('Quality').selectOption('540p')
  const pressed = Date.now()
  await page.getByRole('button', { name: 'Go on air' }).click()
  await until(() => window.mayflyCamera.place === 'air')
  say({ step: 'on air', pressed, seenByOne: Date.now() - pressed, ...(await state()) })
  await lines.next()

  // Something else is on air by now; the camera comes back by a click.
  await until(() => window.mayflyCamera.place === 'preview')
  await shot('preview')
  const clicked = Date.now()
  await page.getByRole('button', { name: 'Go on air' }).click()
  await until(() => window.mayflyCamera.place === 'air')
  await page.waitForTimeout(300)
  await shot('on-air')
  say({ step: 'cut', pressed: clicked, seenByOne: Date.now() - clicked, ...(await state()) })

  // Its node is killed.
  await lines.next()
  const before = await state()
  await until((b) => window.mayflyCamera.tally.node !== '' && window.mayflyCamera.tally.node !== b.node && window.mayflyCamera.tally.acked > b.acked + 2, before)
  await shot('moved')
  say({ step: 'moved', ...(await state()) })
  await page.setViewportSize({ width: 390, height: 844 })
  await shot('phone')
  await page.getByRole('button', { name: 'Stop sending' }).click()
  await page.waitForTimeout(1000)
  say({ step: 'stopped', ...(await state()) })
} catch (e) {
  say({ failed: `${e.stack ?? e}\n${JSON.stringify(await state().catch(() => null))}` })
  await shot('failed').catch(() => {})
}
say({ end: true, exceptions, console: errors })
await browser.close()
process.exit(0)
