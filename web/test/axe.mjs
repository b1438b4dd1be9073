// Looks at every page with an accessibility checker, in the dark on a large screen and in the light on a phone.
//
//   node web/test/axe.mjs SETUP-LINK CHANNEL [--shots DIR]
//
// Somebody makes the owner's account by the link and looks at the pages of a channel that is on air and recorded. On stdout, one JSON
// line: {"end":true,"faults":[…],"exceptions":[…],"console":[…]}. A fault is serious or critical by the checker's word.
import { parseArgs } from 'node:util'
import { axe, gaveUp, launch, overhear, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const shot = shooter(opt.shots, 'axe')
const setup = new URL(positionals[0])
const slug = positionals[1]

const browser = await launch(playsAlone)
const exceptions = []
const errors = []
const faults = []

async function check(page, name) {
  await shot(page, name, { fullPage: true })
  faults.push(...(await axe(page, name)))
}

/** The pages, and what is there when they are. */
const pages = [
  ['guide', '/', '.card'],
  ['watch', `/${slug}`, 'h1'],
  ['embed', `/${slug}/embed?title=1&viewers=1`, 'video'],
  ['embed-still', `/${slug}/embed?autoplay=0`, '.slate .button'],
  ['guide-embed', '/embed', '.card'],
  ['account', '/login/account', 'h1'],
  ['home', '/studio', 'h1'],
  ['studio', `/studio/${slug}`, '.light.is-live'],
  ['camera', `/studio/${slug}/camera`, 'h1'],
  ['library', `/studio/${slug}/library`, '#boards'],
  ['figures', `/studio/${slug}/figures`, '.tiles, .empty'],
  ['operate', '/operate', '.table'],
  ['docs', '/api/docs', 'h1'],
]

try {
  const first = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' })
  const owner = await first.newPage()
  await owner.goto(setup.href)
  await owner.getByLabel('E-mail').waitFor()
  await check(owner, 'setup')
  await owner.getByLabel('E-mail').fill('ada@example.org')
  await owner.getByLabel('Name').fill('Ada')
  await owner.getByLabel('Password', { exact: true }).fill('four words do well')
  await owner.keyboard.press('Enter')
  await owner.waitForURL('**/studio')
  const recordings = await owner.evaluate(async (slug) => (await (await fetch(`/api/v1/channels/${slug}/recordings`)).json()).recordings, slug)
  if (recordings.length > 0) pages.push(['recording', recordings[0].page, '.crew'])
  const state = await first.storageState()
  await first.close()
  for (const [look, width, height] of [['dark', 1280, 900], ['light', 390, 844]]) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: look, storageState: state, reducedMotion: 'reduce' })
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    overhear(page, exceptions, errors)
    for (const [name, path, there] of pages) {
      await page.goto(setup.origin + path)
      await page.locator(there).first().waitFor()
      await page.waitForTimeout(700) // until what comes a moment later is there
      await check(page, `${name}-${look}`)
    }
    await context.close()
  }
  const stranger = await (await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'light' })).newPage()
  await stranger.goto(`${setup.origin}/login`)
  await stranger.getByLabel('E-mail').waitFor()
  await check(stranger, 'login-light')
} catch (e) {
  faults.push(await gaveUp(browser, e))
}
await browser.close()
process.stdout.write(JSON.stringify({ end: true, faults, exceptions, console: errors }) + '\n')
