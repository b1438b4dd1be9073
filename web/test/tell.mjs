// A viewer asks to be told when a channel is live: where nothing can be pushed, where it is forbidden, and with a push
// service, whose part the test plays: Chromium has none here. What the service worker shows is pushed by its debugger.
//
//   node web/test/tell.mjs NODE CHANNEL [--shots DIR]
//
// NODE is the address of a node where CHANNEL is off air. On stdout, one JSON line: {"end":true,"faults":[…],"exceptions":[…]}.
import { createECDH } from 'node:crypto'
import { parseArgs } from 'node:util'
import { axe, gaveUp, launch, overhear, shooter } from './page.mjs'

const { values: opt, positionals } = parseArgs({ allowPositionals: true, options: { shots: { type: 'string' } } })
const shoot = shooter(opt.shots, 'tell')
const node = new URL(positionals[0]).origin
const slug = positionals[1]
const faults = []
const exceptions = []
const browser = await launch()

async function viewer(colorScheme, width, begin, permissions = ['notifications']) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, permissions })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  overhear(page, exceptions, exceptions, /does not support the Push API in incognito/)
  if (begin) await page.addInitScript(begin.script, begin.with)
  await page.goto(`${node}/${slug}`)
  await page.getByRole('link', { name: 'Feed (RSS)' }).waitFor()
  return page
}

async function look(page, name) {
  await shoot(page, name)
  faults.push(...(await axe(page, name)))
}

const button = (page) => page.getByRole('button', { name: /when it is live/ })
const pressed = (page, is) => page.waitForFunction((want) => [...document.querySelectorAll('.tell button')].some((b) => b.getAttribute('aria-pressed') === want), String(is))

try {
  // Without a push service the open page tells, and says so.
  const plain = await viewer('light', 390)
  await button(plain).click()
  await plain.getByText('for as long as this page is open').waitFor()
  await pressed(plain, true)
  await look(plain, 'page')
  await plain.reload()
  await pressed(plain, true)
  await button(plain).click()
  await plain.getByText('You are not told any more.').waitFor()
  await plain.context().close()

  // A browser that has no notifications, and one where they are forbidden.
  const none = await viewer('dark', 820, { script: () => delete window.Notification })
  await none.getByText('This browser cannot tell you by itself').waitFor()
  if ((await button(none).count()) > 0) faults.push('a browser that cannot tell offers to')
  await none.context().close()
  const denied = await viewer('dark', 820, { script: () => Object.defineProperty(Notification, 'permission', { get: () => 'denied' }) })
  await denied.getByText('are blocked in your browser').waitFor()
  await look(denied, 'denied')
  await denied.context().close()

  // With a push service: on, known again, and taken back.
  const keys = createECDH('prime256v1')
  const point = keys.generateKeys('base64url')
  const page = await viewer('dark', 1280, {
    with: point,
    script: (p256dh) => {
      const made = () => (localStorage.getItem('test-key') === null ? null : {
        endpoint: 'https://push.example.org/send/abc',
        options: { applicationServerKey: Uint8Array.from(atob(localStorage.getItem('test-key')), (c) => c.charCodeAt(0)).buffer },
        toJSON: () => ({ endpoint: 'https://push.example.org/send/abc', expirationTime: null, keys: { p256dh, auth: 'AAECAwQFBgcICQoLDA0ODw' } }),
      })
      PushManager.prototype.getSubscription = async () => made()
      PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
        if (!userVisibleOnly || applicationServerKey.length !== 65) throw new TypeError('no such subscription')
        localStorage.setItem('test-key', btoa(String.fromCharCode(...applicationServerKey)))
        return made()
      }
    },
  })
  const before = await page.request.get(`${node}/api/v1/push-key`)
  if (!before.ok()) faults.push(`no key: ${before.status()}`)
  await button(page).click()
  await page.getByText('also when no page of the channel is open').waitFor()
  await pressed(page, true)
  await look(page, 'pushed')
  await page.reload()
  await pressed(page, true)

  // What is pushed is shown, and leads to the channel alone.
  const debug = await page.context().newCDPSession(page)
  const registered = new Promise((found) => debug.on('ServiceWorker.workerRegistrationUpdated', (e) => e.registrations.length > 0 && found(e.registrations[0].registrationId)))
  await debug.send('ServiceWorker.enable')
  const registrationId = await registered
  const [worker] = page.context().serviceWorkers()
  const notifications = (close) => page.evaluate(async (close) => {
    const all = await (await navigator.serviceWorker.getRegistration('/')).getNotifications()
    if (close) for (const n of all) n.close()
    return all.map((n) => ({ title: n.title, body: n.body, path: n.data.path }))
  }, close)
  const until = async (done) => {
    for (const end = Date.now() + 15_000; ;) {
      const all = await notifications(false)
      if (done(all) || Date.now() > end) return all
      await page.waitForTimeout(50)
    }
  }
  const any = 'A channel is on air'
  for (const [data, title, path, body] of [
    [JSON.stringify({ title: 'News is on air', body: '<b>today</b>', path: `/${slug}`, icon: '' }), 'News is on air', `/${slug}`, '<b>today</b>'],
    [JSON.stringify({ title: 'Evil', path: '//evil.example' }), 'Evil', '/', ''],
    ['no JSON', any, '/', ''],
    ['null', any, '/', ''],
    ['', any, '/', ''],
  ]) {
    // Chromium drops a notification that is asked for while it is being put up, so nothing asks before it is.
    const up = worker.evaluate(() => new Promise((done) => {
      const show = ServiceWorkerRegistration.prototype.showNotification
      self.registration.showNotification = (...said) => show.apply(self.registration, said).then(done)
      setTimeout(done, 15_000)
    }))
    await debug.send('ServiceWorker.deliverPushMessage', { origin: node, registrationId, data })
    await up
    const shown = JSON.stringify(await until((all) => all.length > 0))
    if (shown !== JSON.stringify([{ title, body, path }])) faults.push(`pushed ${data}, shown: ${shown}`)
    await notifications(true)
    if ((await until((all) => all.length === 0)).length > 0) faults.push(`what was pushed as ${data} stays when it is closed`)
  }

  await button(page).click()
  await page.getByText('You are not told any more.').waitFor()
  await page.reload()
  await pressed(page, false)
} catch (e) {
  faults.push(await gaveUp(browser, e))
}
await browser.close()
process.stdout.write(JSON.stringify({ end: true, faults, exceptions }) + '\n')
