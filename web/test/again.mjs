// Opens pages of which every file fails to come the first time, as when the node that answers dies in between.
//
//   node web/test/again.mjs NODE CHANNEL
//
// NODE is the address of a node that has CHANNEL. On stdout, one JSON line: {"end":true,"faults":[…],"exceptions":[…]}.
import { gaveUp, launch } from './page.mjs'

const node = new URL(process.argv[2]).origin
const slug = process.argv[3]
const faults = []
const exceptions = []
const browser = await launch()

async function visit(path, whole) {
  const context = await browser.newContext()
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  page.on('pageerror', (e) => exceptions.push(`${path}: ${e.stack || e}`))
  const asked = new Map()
  await page.route('**/assets/*', (route) => {
    const { pathname } = new URL(route.request().url())
    const times = (asked.get(pathname) ?? 0) + 1
    asked.set(pathname, times)
    return times === 1 ? route.abort('connectionreset') : route.continue()
  })
  let told = false
  await page.exposeFunction('tellOfWords', () => (told = true))
  await page.addInitScript(() => new MutationObserver(() => {
    if (document.querySelector('p[role=status]')?.textContent.includes('It is fetched again')) globalThis.tellOfWords()
  }).observe(document, { childList: true, subtree: true }))
  await page.goto(node + path)
  await whole(page)
  const missing = () => [...asked].filter(([, times]) => times < 2).map(([name]) => name)
  for (let n = 0; n < 100 && missing().length > 0; n++) await page.waitForTimeout(100)
  if (asked.size < 2 || missing().length > 0) faults.push(`${path} asked for ${asked.size} files, and did not ask again for ${missing()}`)
  await page.waitForFunction(() => [...document.querySelectorAll('link[rel=stylesheet]')].every((l) => l.sheet !== null))
  if (!told) faults.push(`${path} does not say that it is fetched again`)
  const { styles, count } = await page.evaluate(() => ({ styles: document.styleSheets.length, count: sessionStorage.getItem('mayfly:again') }))
  if (styles === 0) faults.push(`${path} has no styles`)
  if (count !== '0') faults.push(`${path} counts ${count} failures when it is whole`)
  await context.close()
}

try {
  await visit(`/${slug}`, (page) => page.getByRole('textbox', { name: 'Message' }).or(page.getByRole('region', { name: 'Chat' })).first().waitFor())
  await visit('/', (page) => page.getByRole('heading').first().waitFor())
  await visit(`/${slug}/embed`, (page) => page.locator('.stage video').waitFor({ state: 'attached' }))
  await visit('/login', (page) => page.getByRole('heading').first().waitFor())
} catch (e) {
  faults.push(await gaveUp(browser, e))
}
process.stdout.write(JSON.stringify({ end: true, faults, exceptions }) + '\n')
await browser.close()
process.exit(0)
