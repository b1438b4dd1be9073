// What all scripts that drive a browser share: the browser, ears for what goes wrong in a page, the accessibility checker.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

/** Lets a page play with sound before anybody has touched it. */
export const playsAlone = '--autoplay-policy=no-user-gesture-required'
/** A camera and a microphone that are none, without a question. */
export const fakeCamera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']

/** Starts the browser; more are flags of its own. */
export const launch = (...more) => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run', '--disable-sync', '--disable-component-update', ...more],
})

/** Takes pictures of pages for people to look at, if there is a directory for them: they hold a busy browser up for seconds. */
export const shooter = (dir, of) => async (page, name, how) => dir && page.screenshot({ path: join(dir, `${of}-${name}.png`), ...how })

/** Notes every uncaught exception of a page, and every console error but loads that failed, which are the network's fault, and what but matches. */
export function overhear(page, exceptions, errors, but = /$^/) {
  page.on('pageerror', (e) => exceptions.push(String(e.stack || e)))
  page.on('console', (m) => {
    if (m.type() === 'error' && !/^Failed to load resource|net::ERR_/.test(m.text()) && !but.test(m.text())) errors.push(m.text())
  })
}

/** Why a script gave up, with what each page showed then: that says more than a wait that was in vain. */
export async function gaveUp(browser, e) {
  const shown = []
  for (const page of browser.contexts().flatMap((context) => context.pages())) {
    const text = await page.locator('body').innerText({ timeout: 2000 }).catch((fault) => String(fault))
    shown.push(`${page.url()} shows “${text.replace(/\s+/g, ' ').slice(0, 300)}”`)
  }
  return `${e.message ?? e}`.split('\n')[0] + `; ${shown.join('; ')}\n${e.stack ?? ''}`
}

const checker = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Waits until what moves has come to rest, for two seconds at most; runs in the page. */
async function settled() {
  const ends = document.getAnimations().filter((a) => Number.isFinite(a.effect?.getComputedTiming().endTime)).map((a) => a.finished.catch(() => {}))
  await Promise.race([Promise.all([document.fonts.ready, ...ends]), new Promise((done) => setTimeout(done, 2000))])
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
}

/** What an accessibility checker finds serious or critical in a page or frame, a sentence each. */
export async function axe(frame, name) {
  await frame.evaluate(settled)
  await frame.evaluate(checker)
  const { violations } = await frame.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${name}: ${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.any.concat(n.all, n.none).map((c) => c.message)[0] ?? ''}`).join('; ')}`)
}
