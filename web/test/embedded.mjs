// Steers an embedded player from a page of another site, and opens a link to a moment.
//
//   node web/test/embedded.mjs NODE CHANNEL [--shots DIR]
//
// NODE is the address of a node where CHANNEL is on air for 20 s at least. On stdout, one JSON line:
// {"end":true,"faults":[…],"exceptions":[…]}.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { gaveUp, launch, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const node = new URL(positionals[0]).origin
const slug = positionals[1]
const faults = []
const exceptions = []
const browser = await launch(playsAlone)
const context = await browser.newContext({ viewport: { width: 900, height: 700 }, permissions: ['clipboard-read', 'clipboard-write'] })
context.setDefaultTimeout(20_000)
const page = await context.newPage()
page.on('pageerror', (e) => exceptions.push(String(e.stack || e)))

const must = (what, ok, seen) => ok || faults.push(`${what}: ${JSON.stringify(seen)}`)
const view = () => page.evaluate(() => globalThis.player.view)
const until = (what, f) => page.waitForFunction(f, undefined, { timeout: 15_000 }).catch(async () => faults.push(`${what}: ${JSON.stringify(await view())}`))

try {
  const blog = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>A blog</title><div id="tv" style="width:640px"></div><script src="${node}/embed.js"></script>
    <script>globalThis.events = []; globalThis.player = new MayflyPlayer('#tv', { channel: '${slug}', title: true, viewers: true })
    for (const e of ['ready', 'state', 'play', 'pause', 'mute', 'unmute', 'time']) player.on(e, () => events.push(e))</script>`))
  await new Promise((listening) => blog.listen(0, '127.0.0.1', listening))
  await page.goto(`http://127.0.0.1:${blog.address().port}/`)
  await page.evaluate(() => globalThis.player.ready)
  await until('it plays', () => globalThis.player.view.state === 'live' && !globalThis.player.view.paused)
  const playing = await view()
  must('it begins without sound', playing.muted === true && playing.channel === slug && playing.date !== '', playing)
  await page.evaluate(() => globalThis.player.pause())
  await until('it pauses', () => globalThis.player.view.paused)
  await page.evaluate(() => globalThis.player.play())
  await until('it plays again', () => !globalThis.player.view.paused)
  await page.evaluate(() => { globalThis.player.unmute(); globalThis.player.setVolume(0.4) })
  await until('it has sound', () => !globalThis.player.view.muted && globalThis.player.view.volume === 0.4)
  await page.evaluate(() => globalThis.player.seek(9))
  await until('it goes back', () => globalThis.player.view.state === 'behind' && globalThis.player.view.behind > 2.5)
  await page.evaluate(() => globalThis.player.live())
  await until('it goes to what is live', () => globalThis.player.view.behind < 4 && globalThis.player.view.state === 'live')
  const events = await page.evaluate(() => globalThis.events)
  must('events', ['ready', 'state', 'pause', 'play', 'unmute', 'time'].every((e) => events.includes(e)), events)

  blog.close()
  blog.closeAllConnections()
  const moment = new Date(Date.now() - 12_000)
  await page.goto(`${node}/${slug}?t=${moment.toISOString().replace(/\.\d+Z/, 'Z')}`)
  await page.waitForFunction(() => globalThis.mayfly?.state === 'behind' && globalThis.mayfly.behind > 4 && globalThis.mayfly.frames > 10)
  await page.mouse.move(300, 200)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('button', { name: 'Copy a link to this moment' }).click()
  await page.getByText('Copied').waitFor()
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()))
  const away = (Date.parse(link.searchParams.get('t')) - moment.getTime()) / 1000
  must('the link leads to the moment that is shown, some seconds on', link.pathname === `/${slug}` && away > -6 && away < 25, { link: link.href, away })

  // A second quality, for the player's eyes: the same media by another address.
  await page.route(`**/${slug}/index.m3u8*`, async (r) => {
    const answer = await r.fetch()
    const text = await answer.text()
    const [, line, address] = /(#EXT-X-STREAM-INF:.*)\n(.*)/.exec(text)
    await r.fulfill({ response: answer, body: `${text.trimEnd()}\n${line.replace(/RESOLUTION=\d+x\d+/, 'RESOLUTION=160x90').replace(/BANDWIDTH=\d+/g, 'BANDWIDTH=90000')}\n${address}${address.includes('?') ? '&' : '?'}second=1\n` })
  })
  await page.goto(`${node}/${slug}`)
  await page.waitForFunction(() => globalThis.mayfly?.frames > 10)
  await page.mouse.move(300, 220)
  await page.getByRole('button', { name: 'Settings' }).click()
  const offered = await page.locator('.menu label').allTextContents()
  must('the menu offers both qualities', offered.length === 3 && offered[0].startsWith('Automatic') && offered[2] === '90p', offered)
  await page.getByLabel('90p').click()
  await page.waitForRequest((r) => r.url().includes('second=1'))
  await page.keyboard.press('Escape')
  must('the menu closes by a key, and the button has the focus', await page.evaluate(() => document.querySelector('.menu').hidden && document.activeElement?.getAttribute('aria-label') === 'Settings'), null)
} catch (e) {
  await shooter(opt.shots, 'embedded')(page, 'page').catch(() => {})
  faults.push(await gaveUp(browser, e))
}
await browser.close()
process.stdout.write(JSON.stringify({ end: true, faults, exceptions }) + '\n')
