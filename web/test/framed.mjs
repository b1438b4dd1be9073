// The chat in the frame of a page of another site, without storage: beside the player and below it.
//
//   node web/test/framed.mjs NODE CHANNEL [--shots DIR]
//
// On stdout, one JSON line: {"end":true,"faults":[…],"exceptions":[…]}.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { axe, gaveUp, launch, overhear, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const shoot = shooter(opt.shots, 'framed')
const node = new URL(positionals[0]).origin
const slug = positionals[1]
const faults = []
const exceptions = []
const browser = await launch()
// localhost is another site than 127.0.0.1: the frame gets no cookies, and no storage where third parties have none.
const blog = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end(`<!doctype html><html lang="en"><title>A blog</title><body style="margin:0"><div id="tv"></div><script src="${node}/embed.js"></script>
  <script>globalThis.player = new MayflyPlayer('#tv', { channel: '${slug}', chat: true, label: 'News' })</script>`))
await new Promise((listening) => blog.listen(0, '127.0.0.1', listening))

async function reader(colorScheme, width, height, barred) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  overhear(page, exceptions, exceptions)
  if (barred) await page.addInitScript(() => Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError') } }))
  await page.goto(`http://localhost:${blog.address().port}/`)
  await page.frameLocator('iframe').getByRole('heading', { name: 'Chat' }).waitFor({ state: 'attached' })
  return [page, page.frameLocator('iframe')]
}

async function look(page, name) {
  await shoot(page, name)
  const frame = page.frames().find((f) => f.url().startsWith(node))
  faults.push(...(await axe(frame, name)))
}

/** Where player and chat lie in the frame. */
const places = async (frame) => [await frame.locator('.stage').boundingBox(), await frame.locator('.chat').boundingBox()]

try {
  const [wide, eve] = await reader('dark', 1100, 700, true)
  await eve.getByLabel('Your name in the chat').fill('Eve')
  await eve.getByRole('button', { name: 'Join' }).click()
  await eve.getByLabel('Say something').fill('from a blog')
  await eve.getByLabel('Say something').press('Enter')
  await eve.getByRole('log').getByText('from a blog').waitFor()
  const [narrow, bob] = await reader('light', 390, 760, false)
  await bob.getByRole('log').getByText('from a blog').waitFor()
  await bob.getByLabel('Your name in the chat').fill('Bob Rivers')
  const link = bob.getByRole('link', { name: 'write with an account' })
  if ((await link.getAttribute('target')) !== '_blank' || (await link.getAttribute('href')) !== `/${slug}`) faults.push('the link to the channel’s page stays in the frame')
  await bob.getByRole('button', { name: 'Join' }).click()
  await bob.getByLabel('Say something').fill('from a phone')
  await bob.getByLabel('Say something').press('Enter')
  await eve.getByRole('log').getByText('from a phone').waitFor()
  await look(wide, 'wide-dark')
  await look(narrow, 'narrow-light')
  const [beside, below] = [await places(eve), await places(bob)]
  if (beside[1].x < beside[0].x + beside[0].width - 1 || beside[1].width < 300 || beside[0].width < 600) faults.push(`beside: ${JSON.stringify(beside)}`)
  if (below[1].y < below[0].y + below[0].height - 1 || below[1].height < 250 || Math.abs(below[0].width / below[0].height - 16 / 9) > 0.02) faults.push(`below: ${JSON.stringify(below)}`)

  // A small frame, as an <iframe> of that size, and one where no chat has room.
  const small = await browser.newPage({ viewport: { width: 640, height: 360 }, colorScheme: 'dark' })
  await small.goto(`${node}/${slug}/embed?chat=1`)
  await small.getByRole('log').getByText('from a phone').waitFor()
  await shoot(small, 'small-dark')
  await small.setViewportSize({ width: 320, height: 180 })
  await small.locator('.chat').waitFor({ state: 'hidden' })
  const stage = await small.locator('.stage').boundingBox()
  if (stage.width < 319 || stage.height < 179) faults.push(`a tiny frame: ${JSON.stringify(stage)}`)
} catch (e) {
  faults.push(await gaveUp(browser, e))
}
await browser.close()
blog.close()
process.stdout.write(JSON.stringify({ end: true, faults, exceptions }) + '\n')
process.exit(0)
