// A producer prepares graphics in the studio and shows them while a viewer watches, in a real browser. It is measured
// when the viewer sees which picture, by the numbers drawn into the pictures, and when the graphic.
//
//   node web/test/graphics.mjs SETUP-LINK WATCH-PAGE [--shots DIR]
//
// On stdout, one JSON line per step. After {"step":"key"} it waits for a line on stdin: whoever started it publishes
// with that key first. The last line is {"end":true,...} with every uncaught exception and console error.
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { gaveUp, launch, overhear, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const setup = new URL(positionals[0])
const say = (v) => process.stdout.write(JSON.stringify(v) + '\n')
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const browser = await launch(playsAlone, '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding')
const exceptions = []
const errors = []

async function person(width, height) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: 'dark' })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  overhear(page, exceptions, errors)
  return page
}

// Notes which picture is on the screen when, and when a lower third comes and goes; runs in the viewer's page. The
// number is drawn as 24 squares at the lower edge; see src/demo/code.ts.
function watch() {
  const video = document.querySelector('video')
  const canvas = document.createElement('canvas')
  canvas.width = 240
  canvas.height = 4
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  const number = () => {
    const u = video.videoWidth / 1280
    pen.drawImage(video, 160 * u, 704 * u, 960 * u, 16 * u, 0, 0, 240, 4)
    const light = pen.getImageData(0, 2, 240, 1).data
    let n = 0
    for (let i = 1; i < 21; i++) n = n * 2 + (light[(i * 10 + 5) * 4 + 1] > 127 ? 1 : 0)
    return n
  }
  const seen = (window.mayflySeen = { pictures: [], came: [], went: [] })
  const frame = (_, meta) => {
    video.requestVideoFrameCallback(frame)
    seen.pictures.push([number(), Math.round(meta.expectedDisplayTime * 10) / 10])
    if (seen.pictures.length > 600) seen.pictures.shift()
  }
  video.requestVideoFrameCallback(frame)
  let there = false
  const look = (at) => {
    requestAnimationFrame(look)
    const now = document.querySelector('.graphics .g-lower-third:not(.is-leaving)') !== null
    if (now !== there) (now ? seen.came : seen.went).push(at)
    there = now
  }
  requestAnimationFrame(look)
}

try {
  const ada = await person(1280, 900)
  await ada.goto(setup.href)
  await ada.getByLabel('E-mail').fill('ada@example.org')
  await ada.getByLabel('Name').fill('Ada')
  await ada.getByLabel('Password', { exact: true }).fill('four words do well')
  await ada.keyboard.press('Enter')
  await ada.waitForURL('**/studio')
  await ada.getByLabel('Title').fill('News')
  await ada.getByRole('button', { name: 'Make the channel' }).click()
  await ada.waitForURL('**/studio/news')
  await ada.getByRole('button', { name: 'Show stream key of Encoder' }).click()
  say({ step: 'key', keys: [await ada.locator('.key code').first().textContent()] })
  await lines.next()

  // A lower third, prepared and looked at.
  const written = `Ada <img src=x onerror="window.hacked=1">`
  const add = ada.getByLabel('Add a graphic')
  await add.selectOption('lower-third')
  const dialog = ada.locator('dialog[open]')
  await dialog.getByLabel('Name', { exact: true }).fill(written)
  await dialog.getByLabel('Line below it').fill('Harbour master')
  await dialog.locator('.g-name', { hasText: written }).waitFor()
  await dialog.getByRole('button', { name: 'Add' }).click()
  await ada.getByRole('button', { name: `Show ${written}` }).waitFor()
  await add.selectOption('ticker')
  await dialog.getByLabel('Label').fill('News')
  await dialog.getByLabel('Items, one on each line').fill('The ferry sails\n<b>The quay</b> opens')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await ada.getByRole('button', { name: 'Show News' }).waitFor()
  await ada.locator('.light.is-live').waitFor()

  const eve = await person(640, 480)
  await eve.goto(positionals[1])
  await eve.waitForFunction(() => window.mayfly?.state === 'live' && document.querySelector('.graphics') !== null)
  await eve.waitForTimeout(1500)
  await eve.evaluate(watch)
  await eve.bringToFront()
  const turns = []
  for (let n = 0; n < 3; n++) {
    await ada.getByRole('button', { name: `Show ${written}` }).click()
    await eve.waitForFunction((n) => window.mayflySeen.came.length > n, n)
    await eve.waitForTimeout(400)
    if (n === 0) {
      const shown = await eve.locator('.graphics .g-name').textContent()
      const role = await eve.locator('.graphics [role=status]').textContent()
      if (shown !== written || !role.includes(written)) throw new Error(`the viewer sees ${shown} and hears ${role}`)
      await ada.getByRole('button', { name: 'Show News' }).click()
      await eve.locator('.graphics .g-ticker').waitFor()
      await shooter(opt.shots, 'graphics')(eve, 'shown')
    }
    await ada.locator('h1').focus()
    await ada.keyboard.press('a')
    await eve.waitForFunction((n) => window.mayflySeen.went.length > n, n)
    turns.push(await eve.evaluate((n) => ({ came: window.mayflySeen.came[n], went: window.mayflySeen.went[n], pictures: window.mayflySeen.pictures }), n))
  }
  await ada.getByRole('button', { name: 'Hide all' }).click()
  await eve.locator('.graphics .g-ticker').waitFor({ state: 'detached' })
  if (await eve.evaluate(() => 'hacked' in window || document.querySelector('.graphics b, .graphics img') !== null)) throw new Error('what was written was run')
  say({ step: 'shown', turns })

  // Who goes back sees it again, with the same pictures.
  await eve.keyboard.press('ArrowLeft')
  await eve.locator('.graphics .g-lower-third').waitFor()
  say({ step: 'again' })
  say({ end: true, exceptions, console: errors })
} catch (e) {
  say({ failed: await gaveUp(browser, e), exceptions, console: errors })
}
await browser.close()
