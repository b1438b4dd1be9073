// A person who has never seen Mayfly makes the owner's account, a channel with two sources, cuts between them, invites
// somebody, adds a passkey and signs in with it: all by the pages, in a real browser.
//
//   node web/test/studio.mjs SETUP-LINK [--shots DIR]
//
// On stdout, one JSON line per step. After {"step":"keys"} it waits for a line on stdin: whoever started it publishes
// with those keys first. The last line is {"end":true,...} with every uncaught exception and console error.
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { gaveUp, launch, overhear, playsAlone, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const setup = new URL(positionals[0])
const origin = setup.origin
const say = (v) => process.stdout.write(JSON.stringify(v) + '\n')
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const browser = await launch(playsAlone)
const exceptions = []
const errors = []

async function person(width = 1280, height = 900) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: 'dark' })
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  overhear(page, exceptions, errors)
  return page
}
const shot = shooter(opt.shots, 'studio')
const pictured = (page, name) => page.waitForFunction((label) => {
  const video = document.querySelector(`video[aria-label="${label}"]`)
  return video !== null && video.currentTime > 0 && !video.paused
}, name)

try {
  // The owner.
  const ada = await person()
  await ada.goto(setup.href)
  await ada.getByLabel('E-mail').fill('ada@example.org')
  await ada.getByLabel('Name').fill('Ada')
  await ada.getByLabel('Password', { exact: true }).fill('four words do well')
  await ada.keyboard.press('Enter')
  await ada.waitForURL('**/studio')
  say({ step: 'owner' })

  // A channel with two sources.
  await ada.getByLabel('Title').fill('St Mary’s')
  await ada.getByRole('button', { name: 'Make the channel' }).click()
  await ada.waitForURL('**/studio/st-mary-s')
  await ada.getByLabel('Name of a new source').fill('Balcony')
  await ada.getByRole('button', { name: 'Add a source' }).click()
  const keys = []
  for (const name of ['Encoder', 'Balcony']) {
    await ada.getByRole('button', { name: `Show stream key of ${name}` }).click()
    keys.push(await ada.locator('.source-keys', { hasText: name }).locator('.key code').first().textContent())
  }
  await shot(ada, 'keys')
  say({ step: 'keys', keys, server: await ada.locator('.keys-server code').first().textContent() })
  await lines.next()

  // What it is about, a logo, a password that lasts a moment: and what is written stays writing, whatever it says.
  const written = `<img src=x onerror="window.hacked=1">`
  await ada.getByLabel('Description').fill(written)
  await ada.getByLabel('Category').selectOption('faith')
  await ada.getByLabel('Tags').fill('choir, Evensong')
  await ada.locator('section', { hasText: 'About the channel' }).getByRole('button', { name: 'Save' }).click()
  await ada.getByText('Saved.').waitFor()
  const logo = await ada.screenshot({ clip: { x: 0, y: 0, width: 64, height: 64 } })
  await ada.getByLabel('Choose a logo').setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: logo })
  await ada.getByText('The logo is shown from now on.').waitFor()
  await ada.getByLabel('Password for viewers', { exact: true }).fill('open sesame')
  await ada.getByRole('button', { name: 'Set a password' }).click()
  await ada.getByRole('button', { name: 'Take the password away' }).waitFor()
  const eve = await person(390, 844)
  await eve.goto(`${origin}/?category=faith&search=evensong`)
  await eve.getByText('password needed').waitFor()
  await eve.getByRole('link', { name: /St Mary/ }).click()
  await eve.getByPlaceholder('Password').fill('open sesame')
  await eve.keyboard.press('Enter')
  await eve.getByText('Not on air yet').first().waitFor()
  await eve.getByText(written).waitFor()
  await eve.locator('.about-logo').waitFor()
  if (await eve.evaluate(() => 'hacked' in window)) throw new Error('what was written was run')
  await shot(eve, 'watch')
  await eve.context().close()
  await ada.getByRole('button', { name: 'Take the password away' }).click()
  await ada.getByText('There is no password any more.').waitFor()
  say({ step: 'about' })

  // Both come in, and one is on air.
  await ada.locator('.light.is-live').waitFor()
  await pictured(ada, 'Encoder')
  await pictured(ada, 'Balcony')
  await pictured(ada, 'What viewers see')
  await ada.waitForTimeout(1500)
  await shot(ada, 'on-air')
  // The bar leads to the parts of the page, and says there too that it is on air.
  await ada.locator('.parts').getByRole('link', { name: 'Audience' }).click()
  await ada.locator('.parts a[aria-current=location]', { hasText: 'Audience' }).waitFor()
  await ada.locator('.parts-air', { hasText: 'On air' }).click()
  if (await ada.evaluate(() => scrollY > 200)) throw new Error('the bar does not lead back')
  const first = await ada.locator('.tile.is-air strong').textContent()
  say({ step: 'on air', first })

  // A second person, who comes by a link.
  await ada.getByRole('button', { name: 'Make an invitation' }).click()
  const link = await ada.getByLabel('The link', { exact: true }).inputValue()
  const bob = await person(820, 1180)
  await bob.goto(link)
  await bob.getByLabel('E-mail').fill('bob@example.org')
  await bob.getByLabel('Name').fill('Bob')
  await bob.getByLabel('Password', { exact: true }).fill('another four words')
  await bob.keyboard.press('Enter')
  await bob.waitForURL((url) => !url.pathname.includes('invitation'))
  await bob.goto(`${origin}/studio/st-mary-s`)
  await bob.locator('.light.is-live').waitFor()
  say({ step: 'invited' })

  // A cut by one key; both see it, and the second one cuts back by a click.
  const other = first === 'Encoder' ? 'Balcony' : 'Encoder'
  await ada.locator('h1').click()
  const pressed = Date.now()
  await ada.keyboard.press(other === 'Encoder' ? '1' : '2')
  await ada.locator('.tile.is-air', { hasText: other }).waitFor()
  const seen = Date.now()
  await bob.locator('.tile.is-air', { hasText: other }).waitFor()
  say({ step: 'cut', pressed, seenByOne: seen - pressed, seenByOther: Date.now() - pressed })
  await bob.waitForTimeout(4000)
  await shot(bob, 'tablet')
  await shot(ada, 'cut')
  const clicked = Date.now()
  await bob.getByRole('button', { name: `Cut to ${first}` }).click()
  await ada.locator('.tile.is-air', { hasText: first }).waitFor()
  say({ step: 'cut back', pressed: clicked, seenByOther: Date.now() - clicked })

  // The sound of Balcony is kept by one key while pictures are cut, and changed by a click.
  const heard = (page, name) => page.locator('.tile', { hasText: name }).locator('.heard').waitFor()
  const change = async (step, does, name) => {
    const pressed = Date.now()
    await does()
    await (step === 'picture' ? ada.locator('.tile.is-air', { hasText: name }).waitFor() : heard(ada, name))
    const seenByOne = Date.now() - pressed
    await (step === 'picture' ? bob.locator('.tile.is-air', { hasText: name }).waitFor() : heard(bob, name))
    say({ step, pressed, seenByOne, seenByOther: Date.now() - pressed })
    await ada.waitForTimeout(2300)
  }
  await ada.locator('h1').click()
  if (first !== 'Encoder') { // the pictures of the other one, so that its sound is kept under them
    await ada.keyboard.press('1')
    await ada.locator('.tile.is-air', { hasText: 'Encoder' }).waitFor()
    await ada.waitForTimeout(2300)
  }
  say({ step: 'arranged', first })
  await change('kept', () => ada.keyboard.press('w'), 'Balcony')
  // Its gain is moved by keys, seen by the other producer, and heard without a break.
  await ada.getByRole('slider', { name: 'Gain of Balcony' }).focus()
  const moved = Date.now()
  for (let n = 0; n < 4; n++) await ada.keyboard.press('ArrowLeft')
  await bob.getByRole('button', { name: '−6 dB: let Balcony be heard' }).waitFor()
  say({ step: 'gain', pressed: moved, seenByOther: Date.now() - moved })
  await change('picture', () => ada.keyboard.press('2'), 'Balcony')
  await change('picture', () => ada.keyboard.press('1'), 'Encoder')
  await shot(ada, 'sound')
  await change('picture', () => ada.keyboard.press('2'), 'Balcony')
  await change('sound', () => bob.getByRole('button', { name: 'Keep the sound of Encoder' }).click(), 'Encoder')
  await shot(bob, 'sound-tablet')

  // Off air, after being asked.
  await ada.getByRole('button', { name: 'Off air' }).click()
  await ada.getByRole('dialog').getByRole('button', { name: 'Off air' }).click()
  await ada.locator('.light:not(.is-live)').waitFor()
  say({ step: 'off air' })

  // A passkey.
  const devtools = await ada.context().newCDPSession(ada)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  })
  await ada.goto(`${origin}/login/account`)
  await ada.getByRole('button', { name: 'Add a passkey' }).click()
  await ada.getByRole('button', { name: /^Remove/ }).first().waitFor()
  await ada.getByRole('button', { name: 'Sign out', exact: true }).click()
  await ada.getByRole('link', { name: 'Sign in' }).click()
  await ada.getByRole('button', { name: /passkey/ }).click()
  await ada.getByRole('link', { name: 'Ada' }).waitFor()
  say({ step: 'passkey' })
  await ada.goto(`${origin}/operate`)
  await ada.getByText('bob@example.org').first().waitFor()
  await shot(ada, 'operate')
  say({ step: 'operate' })
} catch (e) {
  say({ failed: await gaveUp(browser, e) })
  let n = 0
  for (const context of browser.contexts()) for (const page of context.pages()) await shot(page, `failed-${n++}`).catch(() => {})
}
say({ end: true, exceptions, console: errors })
await browser.close()
process.exit(0)
