// Somebody plays a recording, cuts a clip out of it by two marks, finds it in the library, puts a photo beside it, and has
// no more broadcasts kept: all by the pages, in a real browser.
//
//   node web/test/recorded.mjs SETUP-LINK CHANNEL [--shots DIR]
//
// The channel has one recording. On stdout, one JSON line: {"end":true,"clip":SECONDS,"record":false,"dvrWindow":SECONDS,"exceptions":[…],"console":[…]}.
import { parseArgs } from 'node:util'
import { gaveUp, launch, overhear, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const setup = new URL(positionals[0])
const slug = positionals[1]
const exceptions = []
const errors = []

const browser = await launch(playsAlone)

const shoot = shooter(opt.shots, 'recorded')
const shot = (page, name) => shoot(page, name, { fullPage: true })

try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' })
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  overhear(page, exceptions, errors)
  await page.goto(setup.href)
  await page.getByLabel('E-mail').fill('ada@example.org')
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Password', { exact: true }).fill('four words do well')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/studio')

  // The list on the channel's page leads to the recording, which plays.
  await page.goto(`${setup.origin}/${slug}`)
  await page.locator('.recorded-card').first().waitFor()
  await shot(page, 'watch')
  await page.locator('.recorded-card').first().click()
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 1)
  await shot(page, 'page')
  const go = (at) => page.evaluate(async (at) => {
    const video = document.querySelector('video')
    video.pause()
    const there = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }))
    video.currentTime = at
    await there
  }, at)
  await go(2.5)
  await page.waitForTimeout(300) // the clock of the page ticks ten times a second
  await page.getByRole('button', { name: 'Mark in' }).click()
  await go(6)
  await page.waitForTimeout(300)
  await page.getByRole('button', { name: 'Mark out' }).click()
  await page.getByLabel('Title of the clip').fill('The best of it')
  await shot(page, 'marked')
  await page.getByRole('button', { name: 'Make the clip' }).click()
  await page.getByText('The best of it is being made.').first().waitFor()

  // It is in the library as soon as it is made, and can be looked at.
  await page.goto(`${setup.origin}/studio/${slug}/library`)
  await page.getByRole('button', { name: 'Open The best of it' }).and(page.locator(':enabled')).waitFor()
  await page.getByRole('link', { name: /^Cut clips out of/ }).waitFor()
  await page.locator('input[type=file]').setInputFiles({ name: 'a photo.png', mimeType: 'image/png', buffer: await page.screenshot({ clip: { x: 0, y: 0, width: 320, height: 180 } }) })
  await page.getByRole('button', { name: 'Open a photo' }).and(page.locator(':enabled')).waitFor()
  await shot(page, 'library')
  await page.getByRole('button', { name: 'Open The best of it' }).click()
  await page.waitForFunction(() => (document.querySelector('.clip-sheet video')?.readyState ?? 0) >= 2)
  const [clip] = await page.evaluate(async (slug) => (await (await fetch(`/api/v1/channels/${slug}/clips`)).json()).clips.filter((c) => c.title === 'The best of it'), slug)
  await page.getByRole('button', { name: 'Close', exact: true }).click()

  // The studio's settings say that broadcasts are kept, and can say otherwise.
  await page.goto(`${setup.origin}/studio/${slug}`)
  const after = page.locator('section', { hasText: 'On air and after' })
  await after.getByRole('checkbox', { name: /^Keep every broadcast/ }).and(page.locator(':checked')).uncheck()
  await after.getByRole('button', { name: 'Save', exact: true }).click()
  await after.getByText('Saved.').waitFor()
  const { record, dvrWindow } = await page.evaluate(async (slug) => (await fetch(`/api/v1/channels/${slug}`)).json(), slug)

  if (opt.shots) {
    for (const [look, width, height] of [['light', 820, 1180], ['light', 390, 844]]) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme: look })
      for (const [name, path] of [['watch', `/${slug}`], ['library', `/studio/${slug}/library`], ['studio', `/studio/${slug}`]]) {
        await page.goto(setup.origin + path)
        await page.waitForTimeout(1500)
        await shot(page, `${name}-${width}`)
      }
      await page.goto(`${setup.origin}/${slug}`)
      await page.locator('.recorded-card').first().click()
      await page.waitForTimeout(2000)
      await shot(page, `page-${width}`)
    }
  }
  process.stdout.write(JSON.stringify({ end: true, clip: (clip.out ?? clip.duration) - clip.in, record, dvrWindow, exceptions, console: errors }) + '\n')
} catch (e) {
  process.stdout.write(JSON.stringify({ failed: await gaveUp(browser, e), exceptions, console: errors }) + '\n')
} finally {
  await browser.close()
}
