// Viewers and a moderator chat: guests with nicknames, a message that waits, a removal, a time-out, a poll, reactions, the
// producers' room; all by the pages, in a real browser, and each page is looked at by an accessibility checker.
//
//   node web/test/chat.mjs SETUP-LINK [--shots DIR]
//
// On stdout, one JSON line per step. The last line is {"end":true,...} with every fault, exception and console error.
import { parseArgs } from 'node:util'
import { axe, gaveUp, launch, overhear, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const shoot = shooter(opt.shots, 'chat')
const setup = new URL(positionals[0])
const say = (v) => process.stdout.write(JSON.stringify(v) + '\n')

const browser = await launch()
const exceptions = []
const errors = []
const faults = []

async function person(look, width, height, options = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: look, ...options })
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  overhear(page, exceptions, errors)
  return page
}

async function look(page, name) {
  await shoot(page, name)
  faults.push(...(await axe(page, name)))
}

const field = (page) => page.getByLabel('Say something', { exact: true })
async function write(page, text) {
  await field(page).fill(text)
  await field(page).press('Enter')
}
const sees = (page, text) => page.getByRole('log', { name: /Chat|What viewers say/ }).getByText(text, { exact: true }).waitFor()

try {
  const ada = await person('dark', 1280, 900)
  await ada.goto(setup.href)
  await ada.getByLabel('E-mail').fill('ada@example.org')
  await ada.getByLabel('Name').fill('Ada')
  await ada.getByLabel('Password', { exact: true }).fill('four words do well')
  await ada.keyboard.press('Enter')
  await ada.waitForURL('**/studio')
  await ada.getByLabel('Title').fill('Parish')
  await ada.getByRole('button', { name: 'Make the channel' }).click()
  await ada.waitForURL('**/studio/parish')
  await ada.getByRole('heading', { name: 'Chat', exact: true }).waitFor()
  say({ step: 'desk' })

  // Two guests. What they write stays text, and a name that looks like the owner's is refused.
  const eve = await person('light', 390, 844, { hasTouch: true })
  const bob = await person('dark', 1440, 900)
  for (const page of [eve, bob]) await page.goto(`${setup.origin}/parish`)
  await eve.getByLabel('Your name in the chat').fill('A d a')
  await eve.getByRole('button', { name: 'Join' }).click()
  await write(eve, 'I am the owner')
  await eve.getByText(/choose another name/).waitFor()
  await eve.getByLabel('Your name in the chat').fill('Eve')
  await eve.getByRole('button', { name: 'Save' }).click()
  await bob.getByLabel('Your name in the chat').fill('Bob Rivers')
  await bob.getByRole('button', { name: 'Join' }).click()
  const written = `<img src=x onerror="window.hacked=1">`
  await write(eve, written)
  for (const page of [ada, bob, eve]) await sees(page, written)
  await write(bob, 'good morning :wave: see https://example.org/hymns')
  await eve.getByRole('link', { name: 'https://example.org/hymns' }).waitFor()
  await eve.getByText('good morning 👋 see').waitFor()
  say({ step: 'said' })

  // An emote of the channel's own: put there in the studio, picked by a viewer, read out by its name; removed, it is text.
  await ada.getByText('Emotes of your own').click()
  await ada.getByLabel('Name', { exact: true }).last().fill('bell')
  await ada.getByLabel('Picture', { exact: true }).last().setInputFiles({ name: 'bell.png', mimeType: 'image/png', buffer: await ada.screenshot({ clip: { x: 20, y: 10, width: 120, height: 60 } }) })
  await ada.getByRole('button', { name: 'Add the emote' }).click()
  await ada.getByText('Viewers write :bell: from now on.').waitFor()
  await bob.getByRole('button', { name: 'Emotes' }).click()
  await bob.getByRole('button', { name: 'bell', exact: true }).click()
  await look(bob, 'emotes-dark')
  await bob.getByRole('button', { name: 'Send' }).click()
  for (const page of [ada, bob, eve]) await page.getByRole('log', { name: /Chat|What viewers say/ }).getByRole('img', { name: 'bell' }).waitFor()
  await ada.locator('.emote-list').scrollIntoViewIfNeeded()
  await look(ada, 'studio-emotes')
  await ada.getByRole('button', { name: 'Remove the emote bell' }).click()
  for (const page of [ada, bob, eve]) await sees(page, ':bell:')
  await ada.locator('.emote-list').waitFor({ state: 'detached' })
  say({ step: 'emotes' })

  // A word that waits; the moderator shows it.
  await ada.getByText('Rules of the chat').click()
  await ada.getByLabel('Word list').fill('darn')
  await ada.getByRole('button', { name: 'Save the rules' }).click()
  await ada.getByRole('button', { name: 'Clear the room' }).waitFor()
  await bob.getByRole('button', { name: 'Emotes' }).click()
  await bob.getByRole('button', { name: 'clap', exact: true }).click()
  await bob.getByRole('button', { name: 'Send' }).click()
  await write(bob, 'darn, I missed it')
  await bob.getByText('A moderator looks at your message').waitFor()
  await ada.getByRole('region', { name: 'Messages that wait' }).getByText('darn, I missed it').waitFor()
  await look(ada, 'studio-dark')
  await ada.getByRole('button', { name: 'Show what Bob Rivers wrote' }).click()
  await sees(eve, 'darn, I missed it')
  say({ step: 'released' })

  // The moderator answers on the page, removes by key, and sends somebody out.
  await write(ada, 'welcome all') // in the viewers' room: the first field
  await eve.locator('.said.is-crew', { hasText: 'welcome all' }).getByText('Owner').waitFor()
  await ada.locator('.said', { hasText: 'onerror' }).locator('.said-more').focus()
  await ada.keyboard.press('Delete')
  for (const page of [ada, bob, eve]) await page.locator('.said', { hasText: 'onerror' }).waitFor({ state: 'detached' })
  await ada.locator('.said', { hasText: 'missed it' }).locator('.said-more').click()
  await ada.getByRole('button', { name: 'Time-out 5 min' }).click()
  await ada.getByText('1 person is kept out').waitFor()
  await write(bob, 'may I?')
  await bob.getByText(/sent you out until/).waitFor()
  await ada.getByText('1 person is kept out').click()
  await ada.getByRole('button', { name: 'Let Bob Rivers in' }).click()
  await ada.getByText('1 person is kept out').waitFor({ state: 'detached' })
  await write(bob, 'thank you')
  await sees(eve, 'thank you')
  say({ step: 'moderated' })

  // A poll, and reactions that rise.
  await ada.getByText('Ask the viewers: a poll').click()
  await ada.getByLabel('Question').fill('Which hymn shall we sing at the end?')
  await ada.getByLabel('Answer 1').fill('Abide with me')
  await ada.getByLabel('Answer 2').fill('Jerusalem')
  await ada.getByRole('button', { name: 'Begin the poll' }).click()
  await eve.getByRole('button', { name: 'Jerusalem' }).click()
  await bob.getByRole('button', { name: 'Abide with me' }).click()
  await bob.getByRole('button', { name: /Jerusalem/ }).click()
  await ada.getByText('2 votes').waitFor()
  await ada.locator('.talk-poll').getByText('100 %').waitFor()
  await bob.evaluate(() => {
    globalThis.risen = 0
    new MutationObserver(() => (globalThis.risen = Math.max(globalThis.risen, document.querySelectorAll('.rise span').length))).observe(document.body, { childList: true, subtree: true })
  })
  for (const name of ['Love', 'Applause', 'Love']) await eve.getByRole('button', { name }).click()
  await bob.waitForFunction(() => globalThis.risen > 0)
  await look(bob, 'watch-dark')
  await look(eve, 'watch-light-phone')
  await eve.locator('.chat').scrollIntoViewIfNeeded()
  await shoot(eve, 'watch-light-phone-chat')
  await ada.getByRole('button', { name: 'Close the poll' }).click()
  await eve.getByText('2 votes · over').waitFor()
  say({ step: 'polled' })

  // The producers' room, and all muted.
  await ada.getByLabel('Say something to the crew').fill('camera 2 next')
  await ada.keyboard.press('Enter')
  await ada.getByRole('log', { name: 'What the crew says' }).getByText('camera 2 next').waitFor()
  await ada.getByRole('button', { name: 'Mute all' }).click()
  await bob.getByText('All are muted at the moment.').waitFor()
  await ada.reload()
  await ada.getByRole('log', { name: 'What the crew says' }).getByText('camera 2 next').waitFor()
  if ((await bob.getByText('camera 2 next').count()) > 0) faults.push('a viewer reads the producers’ room')
  await ada.setViewportSize({ width: 820, height: 1100 })
  await ada.emulateMedia({ colorScheme: 'light' })
  await ada.locator('#talk').scrollIntoViewIfNeeded()
  await look(ada, 'studio-light-tablet')
  for (const page of [ada, bob, eve]) if (await page.evaluate(() => globalThis.hacked === 1)) faults.push('a message ran as a script')
  say({ step: 'muted' })
} catch (e) {
  faults.push(await gaveUp(browser, e))
}
await browser.close()
say({ end: true, faults, exceptions, console: errors })
