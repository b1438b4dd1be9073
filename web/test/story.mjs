// A person who has never seen Mayfly makes an account, a channel, a clip that plays when nobody is live, and a small show
// with two cameras, that clip, a lower third and a ticker; then leaves, and the channel plays on. All by the pages, in a real browser, while a viewer watches.
//
//   node web/test/story.mjs SETUP-LINK CLIP [--shots DIR]
//
// The cameras are drawn by the pages: one is red, the other blue; the clip is expected to be green. What the viewer sees is
// told by its colour. On stdout, one JSON line per step; after the step "show" it waits for a line on stdin: whoever
// started it may kill a node first. The last line is {"end":true,...} with every uncaught exception and console error.
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { fakeCamera, gaveUp, launch, overhear, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const setup = new URL(positionals[0])
const clip = positionals[1]
const origin = setup.origin
const say = (v) => process.stdout.write(JSON.stringify(v) + '\n')
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const browser = await launch(playsAlone, ...fakeCamera, '--disable-renderer-backgrounding', '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows')
const exceptions = []
const errors = []

async function somebody(width = 1280, height = 900) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: 'dark', permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'] })
  context.setDefaultTimeout(30_000)
  context.on('page', (page) => {
    overhear(page, exceptions, errors, /blocked by CORS policy/)
  })
  return context
}
const shot = shooter(opt.shots, 'story')

// A camera of one colour with something that moves, and a microphone with a tone; runs in the page.
function draw(colour) {
  let out = null
  const open = () => {
    const sound = new AudioContext({ sampleRate: 48000 })
    const tone = sound.createOscillator()
    tone.frequency.value = colour === '#c00000' ? 440 : 660
    const to = sound.createMediaStreamDestination()
    tone.connect(to)
    tone.start()
    const canvas = document.createElement('canvas')
    canvas.width = 960 // as it is sent: nothing has to be drawn anew
    canvas.height = 540
    const pen = canvas.getContext('2d')
    let n = 0
    setInterval(() => {
      pen.fillStyle = colour
      pen.fillRect(0, 0, 960, 540)
      pen.fillStyle = '#fff'
      pen.fillRect((n++ * 12) % 960, 510, 60, 30)
    }, 100)
    return { picture: canvas.captureStream(10), sound: to.stream }
  }
  navigator.mediaDevices.getUserMedia = async (want) => {
    out ??= open()
    const tracks = []
    if (want.video) tracks.push(out.picture.getVideoTracks()[0].clone())
    if (want.audio) tracks.push(out.sound.getAudioTracks()[0].clone())
    return new MediaStream(tracks)
  }
}

// What a viewer sees: the colour in the middle of the picture, and for how long it stood still at most; runs in the page.
function look() {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  let place = 0
  let since = performance.now()
  window.story = { colour: '', still: 0 }
  setInterval(() => {
    const video = document.querySelector('video')
    if (!video) return
    const now = performance.now()
    if (video.currentTime !== place && video.readyState >= 2) {
      place = video.currentTime
      since = now
    } else if (place > 0) window.story.still = Math.max(window.story.still, now - since)
    if (video.readyState < 2) return
    pen.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 2, 2, 0, 0, 1, 1)
    const [r, g, b] = pen.getImageData(0, 0, 1, 1).data
    window.story.colour = r > 90 && g < 70 && b < 70 ? 'red' : b > 90 && g < 70 && r < 70 ? 'blue' : g > 60 && r < 70 && b < 70 ? 'green' : `${r} ${g} ${b}`
  }, 50)
}

// How long it takes until the viewer sees a colour, and how it went since the last time.
const sees = async (page, colour) => {
  const began = Date.now()
  await page.waitForFunction((c) => window.story.colour === c, colour, { polling: 50, timeout: 30_000 })
  return { took: Date.now() - began, ...(await went(page)) }
}
const went = (page) => page.evaluate(() => {
  const { colour, still } = window.story
  window.story.still = 0
  return { colour, still, rebuilds: window.mayfly.rebuilds, fault: window.mayfly.lastFault, behind: window.mayfly.latency }
})

async function sendCamera(page, colour, word) {
  await page.addInitScript(draw, colour)
  await page.reload()
  await page.getByRole('button', { name: 'Open camera and microphone' }).click()
  await page.getByLabel('Quality').selectOption('540p')
  await page.getByRole('button', { name: word }).click()
  await page.waitForFunction(() => (window.mayflyCamera.tally?.acked ?? 0) > 0, null, { polling: 50 })
}

const ada = await somebody()
const studio = await ada.newPage()
let watching = null
try {
  // An account, and a channel from one form.
  const began = Date.now()
  await studio.goto(setup.href)
  await studio.getByLabel('E-mail').fill('ada@example.org')
  await studio.getByLabel('Name').fill('Ada')
  await studio.getByLabel('Password', { exact: true }).fill('four words do well')
  await studio.keyboard.press('Enter')
  await studio.waitForURL('**/studio')
  await studio.getByLabel('Title').fill('Village TV')
  await studio.getByRole('button', { name: 'Make the channel' }).click()
  await studio.waitForURL('**/studio/village-tv')
  say({ step: 'channel', took: Date.now() - began })

  // A clip, and a storyboard with it.
  await studio.getByRole('link', { name: 'Library', exact: true }).click()
  await studio.locator('input[type=file]').first().setInputFiles(clip)
  await studio.getByRole('button', { name: 'New storyboard' }).click()
  await studio.getByRole('dialog').getByLabel('Name').fill('Morning')
  await studio.getByRole('button', { name: 'Make it' }).click()
  await studio.getByRole('button', { name: /^Add .* to the storyboard/ }).click()
  await studio.getByRole('button', { name: 'Save', exact: true }).first().click()
  await shot(studio, 'library')
  say({ step: 'clip', took: Date.now() - began })

  // It plays whenever nobody is live.
  await studio.goto(`${origin}/studio/village-tv`)
  const plan = studio.locator('section.part', { hasText: 'When nobody is live' })
  await plan.getByLabel('Plays in a loop').selectOption({ label: 'Morning' })
  await plan.getByRole('button', { name: 'Save the plan' }).click()
  await plan.getByText('Saved.').waitFor()
  const viewer = await somebody(820, 1180)
  await viewer.addInitScript(look)
  watching = await viewer.newPage()
  await watching.goto(`${origin}/village-tv`)
  say({ step: 'plan', ...(await sees(watching, 'green')) })

  // Two cameras: one in another tab, and a guest who has no account.
  const one = await ada.newPage()
  await one.goto(`${origin}/studio/village-tv`)
  await one.getByRole('link', { name: /^Send this browser’s camera to/ }).first().click()
  await one.waitForURL('**/camera*')
  await sendCamera(one, '#c00000', 'Go on air')
  say({ step: 'camera', ...(await sees(watching, 'red')) })
  await studio.bringToFront()
  await studio.getByLabel('Name of a new source').fill('Guest')
  await studio.getByRole('button', { name: 'Add a source' }).click()
  await studio.getByRole('button', { name: 'Copy a camera link for Guest' }).click()
  const link = await studio.evaluate(async () => {
    for (let n = 0; n < 50; n++) {
      const text = await navigator.clipboard.readText()
      if (text.includes('#pass=')) return text
      await new Promise((done) => setTimeout(done, 100))
    }
    return ''
  })
  const guest = await (await somebody(390, 844)).newPage()
  await guest.goto(link)
  await sendCamera(guest, '#0000c0', 'Begin to send')
  await studio.locator('.tile', { hasText: 'Guest' }).getByRole('button', { name: 'Cut to Guest' }).and(studio.locator(':enabled')).waitFor()
  await shot(studio, 'studio')

  // Graphics, prepared beforehand.
  const dialog = studio.locator('dialog[open]')
  await studio.getByLabel('Add a graphic').selectOption('lower-third')
  await dialog.getByLabel('Name', { exact: true }).fill('Ada Byron')
  await dialog.getByLabel('Line below it').fill('Choir master')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await studio.getByRole('button', { name: 'Show Ada Byron' }).waitFor()
  await studio.getByLabel('Add a graphic').selectOption('ticker')
  await dialog.getByLabel('Label').fill('Village')
  await dialog.getByLabel('Items, one on each line').fill('The fair is on Sunday\nThe bridge is open again')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await studio.getByRole('button', { name: 'Show Village' }).waitFor()

  // The show: a cut by one key.
  await studio.locator('h1').click()
  await studio.keyboard.press('2')
  say({ step: 'show', ...(await sees(watching, 'blue')), node: await one.evaluate(() => window.mayflyCamera.tally.node) })
  await lines.next()

  // Back to the first camera, whose node may have died meanwhile, with a name over it.
  await studio.locator('.tile', { hasText: 'Encoder' }).getByRole('button', { name: 'Cut to Encoder' }).click()
  say({ step: 'back', ...(await sees(watching, 'red')) })
  await studio.getByRole('button', { name: 'Show Ada Byron' }).click()
  await watching.locator('.graphics .g-lower-third').waitFor()
  await studio.getByRole('button', { name: 'Show Village' }).click()
  await watching.locator('.graphics .g-ticker').waitFor()
  await watching.waitForTimeout(700)
  await shot(watching, 'watch')
  await shot(studio, 'graphics')
  await studio.getByRole('button', { name: 'Hide all' }).click()
  await watching.locator('.graphics .g-ticker').waitFor({ state: 'detached' })

  // A clip by one key, after which what was on air is back by itself.
  await studio.locator('h1').click()
  await studio.keyboard.press('z')
  say({ step: 'clip on cue', ...(await sees(watching, 'green')) })
  await shot(studio, 'cue')
  say({ step: 'over', ...(await sees(watching, 'red')) })

  // Everybody leaves, and the channel plays on.
  await guest.getByRole('button', { name: 'Stop sending' }).click()
  await one.getByRole('button', { name: 'Stop sending' }).click()
  say({ step: 'left', ...(await sees(watching, 'green')) })
  await studio.close()
  await one.close()
  await watching.waitForTimeout(4000)
  await shot(watching, 'after')
  say({ step: 'plays on', ...(await went(watching)) })
} catch (e) {
  let n = 0
  for (const context of browser.contexts()) for (const page of context.pages()) await shot(page, `failed-${n++}`).catch(() => {})
  say({ failed: `${await gaveUp(browser, e)}\n${JSON.stringify(await watching?.evaluate(() => window.story).catch(() => null))}` })
}
say({ end: true, exceptions, console: errors })
await browser.close()
process.exit(0)
