import { expect, test } from 'vitest'
import { readStatus, slugOf } from './channel'
import { passIn } from './pass'
import { ServerClock } from './clock'
import { retryDelay } from './feed'
import { readSpec } from './openapi'
import { actionOf } from './player/keys'
import { clock, compact, since, spoken, viewers } from './words'

test('the slug of a page', () => {
  expect(slugOf('/news')).toBe('news')
  expect(slugOf('/news/embed')).toBe('news')
  expect(slugOf('/%zz')).toBe('%zz')
  expect(slugOf('/')).toBe('')
})

test('pages: no script stands in one, each says what to do without scripts, and the build knows each', () => {
  const pages = import.meta.glob<string>('../*.html', { query: '?raw', import: 'default', eager: true })
  const config = Object.values(import.meta.glob<string>('../vite.config.ts', { query: '?raw', import: 'default', eager: true }))[0]!
  expect(Object.keys(pages)).toEqual(expect.arrayContaining(['index', 'watch', 'login', 'operate'].map((name) => `../${name}.html`)))
  for (const [name, html] of Object.entries(pages)) {
    expect(html, name).toMatch(/<noscript>/)
    expect(html.match(/<script(?![^>]* src=)|\son\w+=/), name).toBeNull()
    expect(config).toContain(`'${name.slice(3)}'`)
  }
})

test('a status is read strictly, and gaps are filled', () => {
  expect(readStatus(null)).toBeNull()
  expect(readStatus({ title: 'x' })).toBeNull()
  expect(readStatus({ slug: 'a', state: 'odd', viewers: -3, width: 'x' })).toMatchObject({ title: 'a', state: 'never', viewers: 0, width: 1280 })
  expect(readStatus({ slug: 'a', state: 'live', viewers: 12, dvrWindow: 7200 })).toMatchObject({ state: 'live', viewers: 12, dvrWindow: 7200, bucketAway: false })
  expect(readStatus({ slug: 'a', bucketAway: true })).toMatchObject({ bucketAway: true })
})

test('the server clock: the least delayed sample counts; a header only for a clock plainly wrong', () => {
  const c = new ServerClock()
  c.header(new Date(1_000_000).toUTCString(), 1_000_400)
  expect(c.offset).toBe(0)
  c.header(new Date(1_000_000).toUTCString(), 1_060_000)
  expect(c.offset).toBe(-59_500)
  c.sample(5_000, 5_300)
  c.sample(6_000, 6_100)
  c.sample(NaN, 1)
  expect(c.offset).toBe(-100)
  expect(c.now(7_000)).toBe(6_900)
})

test('tries are 1 to 5 seconds apart, for ever', () => {
  for (let n = 0; n < 50; n++) {
    for (const r of [0, 0.5, 1]) {
      expect(retryDelay(n, r)).toBeGreaterThanOrEqual(1000)
      expect(retryDelay(n, r)).toBeLessThanOrEqual(5000)
    }
  }
})

test('numbers in words', () => {
  expect([viewers(0), viewers(1), viewers(1234)]).toEqual(['no viewers', '1 viewer', '1.2k viewers'])
  expect([compact(999), compact(12_345), compact(9_990_000)]).toEqual(['999', '12k', '9.9M'])
  expect([clock(7), clock(187), clock(3729)]).toEqual(['0:07', '3:07', '1:02:09'])
  expect([spoken(1), spoken(150), spoken(3900)]).toEqual(['1 second', '3 minutes', '1 hour 5 minutes'])
  const now = new Date(2026, 4, 4, 12, 0)
  expect(since('', now)).toBe('')
  expect(since(new Date(2026, 4, 4, 9, 5).toISOString(), now)).toMatch(/^since .*9.05/)
  expect(since(new Date(2026, 4, 3, 9, 5).toISOString(), now)).toMatch(/yesterday/)
})

test('keys: typing and buttons keep theirs', () => {
  expect(actionOf(' ', false, 'other')).toBe('toggle')
  expect(actionOf(' ', false, 'button')).toBeNull()
  expect(actionOf('k', false, 'text')).toBeNull()
  expect(actionOf('f', true, 'other')).toBeNull()
  expect(actionOf('ArrowLeft', false, 'range')).toBeNull()
  expect(actionOf('ArrowLeft', false, 'other')).toBe('back')
  expect(actionOf('c', false, 'other')).toBe('captions')
  expect(actionOf('L', false, 'other')).toBe('live')
  expect(actionOf('?', false, 'button')).toBe('help')
  expect(actionOf('x', false, 'other')).toBeNull()
})

test('an OpenAPI document becomes operations', () => {
  const spec = readSpec(
    {
      info: { title: 'Mayfly', version: '1' },
      components: { schemas: { New: { type: 'object', required: ['slug'], properties: { $schema: { type: 'string' }, slug: { type: 'string', examples: ["o'news"], description: 'the address' }, tags: { type: ['array', 'null'], items: { type: 'string' } } } } } },
      paths: {
        '/api/v1/channels': {
          post: { operationId: 'create', summary: 'Create', tags: ['channels'], security: [{ token: [] }], requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/New' } } } }, responses: { 201: { description: 'Created' } } },
          get: { summary: 'List', parameters: [{ name: 'q', in: 'query', schema: { type: 'string' }, description: 'words' }], responses: {} },
        },
      },
    },
    'http://h',
  )
  const create = spec.groups.find((g) => g.name === 'channels')!.operations[0]!
  expect(create).toMatchObject({ id: 'create', method: 'POST', token: true, answers: [{ status: '201', text: 'Created' }] })
  expect(create.body).toEqual([
    { name: 'slug', kind: 'string', required: true, text: 'the address' },
    { name: 'tags', kind: 'list of string', required: false, text: '' },
  ])
  expect(create.curl).toBe(`curl -X POST http://h/api/v1/channels \\\n  -H "Authorization: Bearer $MAYFLY_ADMIN_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d '{"slug":"o'\\''news"}'`)
  expect(spec.groups.find((g) => g.name === '')!.operations[0]).toMatchObject({ id: 'get-api-v1-channels', token: false, parameters: [{ name: 'q', kind: 'string in query' }] })
  expect(readSpec({}, 'http://h').groups).toEqual([])
})

test('a pass is taken from behind the address', () => {
  expect(passIn('#pass=85emngm4p1jj14a6n746be7766k2hccr')).toBe('85emngm4p1jj14a6n746be7766k2hccr')
  expect(passIn('#a=b&pass=A-_9')).toBe('A-_9')
  for (const bad of ['', '#', '#pass=', '#pass=<b>', '#pass=a%20b', `#pass=${'x'.repeat(201)}`, '#other=1']) expect(passIn(bad)).toBe('')
})

test('what the server says of a look counts only if it is one', () => {
  const image = '/assets/channels/news/0123456789abcdef0123456789abcdef.png'
  expect(readStatus({ slug: 'a', logo: image, picture: image.replace('png', 'jpg'), accent: '#0b7285', gate: 'password', locked: true, tags: ['x', 3] })).toMatchObject({
    logo: image, picture: image.replace('png', 'jpg'), accent: '#0b7285', gate: 'password', locked: true, tags: ['x'],
  })
  for (const bad of ['https://evil.example/x.png', 'javascript:alert(1)', `${image}"onerror=`, '/assets/channels/news/x.svg']) expect(readStatus({ slug: 'a', logo: bad })!.logo).toBe('')
  expect(readStatus({ slug: 'a', accent: 'red', background: 'url(x)', gate: 'odd' })).toMatchObject({ accent: '', background: '', gate: '' })
})
