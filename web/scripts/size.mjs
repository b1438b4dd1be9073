// The watch page's own script must stay light: what the page loads, without the player library, under 40 kB gzipped.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url)
const limit = 40_000
const html = readFileSync(new URL('watch.html', dist), 'utf8')
const first = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map((m) => m[1])
if (first.length === 0) throw new Error('watch.html names no script: run npm run build')

// What is imported statically is loaded with the page; what is imported by call is the library, loaded later.
const own = new Set()
const visit = (name) => {
  if (own.has(name)) return
  own.add(name)
  const code = readFileSync(new URL(name, dist), 'utf8')
  for (const m of code.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) visit(`assets/${m[1]}`)
}
first.forEach(visit)

const gz = (name) => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length
let sum = 0
for (const name of own) {
  sum += gz(name)
  console.log(`own      ${String(gz(name)).padStart(7)}  ${name}`)
}
for (const f of readdirSync(new URL('assets/', dist))) {
  if (f.endsWith('.js') && !own.has(`assets/${f}`)) console.log(`other    ${String(gz(`assets/${f}`)).padStart(7)}  assets/${f}`)
}
console.log(`watch page: ${sum} of ${limit} bytes gzipped`)
if (sum > limit) {
  console.error('the watch page is too heavy')
  process.exit(1)
}
