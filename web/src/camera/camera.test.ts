import { describe, expect, test } from 'vitest'
import { others } from './carrier'
import { Cutter, repeated, type Piece } from './cutter'
import { fragment, init } from './mp4'
import { most, Outbox, pause, type Answer, type Carrier } from './outbox'
import { Steady } from './steady'

/** The boxes of a file, as name:size, with those within some. */
function boxes(data: Uint8Array, from = 0, to = data.length): string[] {
  const v = new DataView(data.buffer, data.byteOffset)
  const out: string[] = []
  for (let at = from; at < to;) {
    const size = v.getUint32(at)
    const name = String.fromCharCode(...data.subarray(at + 4, at + 8))
    out.push(name)
    if (['moov', 'trak', 'mdia', 'minf', 'stbl', 'moof', 'traf'].includes(name)) out.push(...boxes(data, at + 8, at + size))
    at += size
  }
  return out
}

describe('mp4', () => {
  const opusHead = new Uint8Array([...Array.from('OpusHead', (c) => c.charCodeAt(0)), 1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0])
  test('an init has both tracks, and what the decoder of each needs', () => {
    const data = init({ width: 960, height: 540, avcC: new Uint8Array([1, 0x42, 0xe0, 0x1f]) }, { codec: 'opus', channels: 2, config: opusHead })
    expect(boxes(data).filter((n) => n === 'trak')).toHaveLength(2)
    const at = Array.from(data).findIndex((_, i) => String.fromCharCode(...data.subarray(i, i + 4)) === 'dOps')
    expect(Array.from(data.subarray(at + 4, at + 15))).toEqual([0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0])
    expect(boxes(init({ width: 2, height: 2, avcC: new Uint8Array(4) }, { codec: 'aac', channels: 2, config: new Uint8Array([0x11, 0x90]) }))).toContain('stsd')
  })
  test('a fragment says where its samples lie', () => {
    const data = fragment(1, 7, 2 ** 33 + 5, [{ data: new Uint8Array([1, 2]), duration: 3000, key: true }, { data: new Uint8Array([3]), duration: 3003, key: false }])
    expect(boxes(data)).toEqual(['moof', 'mfhd', 'traf', 'tfhd', 'tfdt', 'trun', 'mdat'])
    const v = new DataView(data.buffer)
    expect(Array.from(data.subarray(v.getUint32(0) + 8))).toEqual([1, 2, 3])
    const trun = Array.from(data).findIndex((_, i) => String.fromCharCode(...data.subarray(i, i + 4)) === 'trun')
    expect(v.getUint32(trun + 12)).toBe(v.getUint32(0) + 8)
    const tfdt = Array.from(data).findIndex((_, i) => String.fromCharCode(...data.subarray(i, i + 4)) === 'tfdt')
    expect(v.getBigUint64(tfdt + 8)).toBe(2n ** 33n + 5n)
  })
})

/** The base times and counts of the fragments of a piece. */
function read(p: Piece): { base: number; count: number }[] {
  const out = []
  const v = new DataView(p.data.buffer)
  for (let at = 0; at < p.data.length; at += v.getUint32(at)) {
    if (String.fromCharCode(...p.data.subarray(at + 4, at + 8)) !== 'moof') continue
    out.push({ base: Number(v.getBigUint64(at + 8 + 16 + 8 + 16 + 12)), count: v.getUint32(at + 8 + 16 + 8 + 16 + 20 + 12) })
  }
  return out
}

describe('Cutter', () => {
  const run = (repeats: boolean, frame: number) => {
    const pieces: Piece[] = []
    const c = new Cutter(frame, repeats, (p) => pieces.push(p))
    let heard = 48_000 - 48_000 % frame
    for (let i = 0; i < 100; i++) {
      for (; heard * 30 < (30 + i) * 48_000; heard += frame) c.sound({ time: heard, key: true, data: new Uint8Array([9]) })
      c.picture({ time: 90_000 + i * 3000, key: i % 30 === 10, data: new Uint8Array([i]) })
    }
    return pieces
  }
  test('a piece begins with a keyframe, and repeats the sound that its own is made of', () => {
    const pieces = run(true, 960)
    expect(pieces.map((p) => p.seconds)).toEqual([1, 1])
    const [first, second] = pieces.map(read)
    expect(first![0]).toEqual({ base: 120_000, count: 30 })
    expect(second![0]).toEqual({ base: 210_000, count: 30 })
    expect(second![1]!.base).toBeLessThanOrEqual(112_000 - repeated + 960)
    expect(second![1]!.base + second![1]!.count * 960).toBeGreaterThanOrEqual(160_000)
  })
  test('sound that is taken as it is comes once', () => {
    const [first, second] = run(false, 1024).map(read)
    expect(second![1]!.base).toBe(first![1]!.base + first![1]!.count * 1024)
  })
  test('pictures go on without sound that stays away', () => {
    const pieces: Piece[] = []
    const c = new Cutter(960, true, (p) => pieces.push(p))
    for (let i = 0; i < 200; i++) c.picture({ time: i * 3000, key: i % 30 === 0, data: new Uint8Array([1]) })
    expect(pieces.length).toBe(6)
  })
})

describe('Steady', () => {
  test('the smallest delay counts, and an old one is forgotten', () => {
    const s = new Steady()
    for (let t = 0; t < 5000; t += 20) s.note(t, t + 100 + (t % 7))
    expect(s.ahead).toBe(100)
    for (let t = 5000; t < 40_000; t += 20) s.note(t, t + 150 + (t % 7))
    expect(s.ahead).toBe(150)
  })
})

/** A carrier in virtual time, and the nodes behind it. */
function world(answers: (base: string, name: string) => Partial<Answer> | null) {
  let now = 0
  const sent: string[] = []
  const waiting: { at: number; go: () => void }[] = []
  const sleep = (ms: number) => new Promise<void>((go) => waiting.push({ at: now + ms, go }))
  const c: Carrier = {
    async put(base, name) {
      await sleep(10)
      sent.push(`${base} ${name}`)
      return { status: 0, kind: '', detail: '', node: base, after: 0, ...answers(base, name) }
    },
    goodbye: () => Promise.resolve(),
    sleep, now: () => now,
  }
  /** Lets so many ms go by. */
  const pass = async (ms: number) => {
    const until = now + ms
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      waiting.sort((a, b) => a.at - b.at)
      if (waiting.length === 0 || waiting[0]!.at > until) break
      const w = waiting.shift()!
      now = Math.max(now, w.at)
      w.go()
    }
    now = until
  }
  return { c, sent, pass }
}

const piece = (): Piece => ({ seconds: 2, data: new Uint8Array(4) })

describe('Outbox', () => {
  test('the header is sent where it is missing, and each piece until it is acknowledged', async () => {
    const known = new Set<string>()
    const w = world((base, name) => {
      if (name.endsWith('/init')) known.add(base)
      return { status: name.endsWith('/init') || known.has(base) ? 201 : 412 }
    })
    const o = new Outbox('s', new Uint8Array(1), w.c, () => ['a', 'b'], () => {})
    for (let i = 0; i < 3; i++) o.add(piece())
    await w.pass(1000)
    expect(w.sent).toEqual(['a s/main/init', 'a s/main/0', 'a s/main/1', 'a s/main/2'])
    expect(o.tally).toMatchObject({ node: 'a', acked: 3, waiting: 0, lost: 0 })
  })
  test('when a node is gone, the next one gets what was not acknowledged', async () => {
    let dead = false
    const known = new Set<string>()
    const w = world((base, name) => {
      if (dead && base === 'a') return null
      if (name.endsWith('/init')) known.add(base)
      return { status: known.has(base) ? 201 : 412 }
    })
    const o = new Outbox('s', new Uint8Array(1), w.c, () => ['a', 'b'], () => {})
    o.add(piece())
    await w.pass(500)
    dead = true
    o.add(piece())
    await w.pass(500)
    expect(w.sent).toEqual(['a s/main/init', 'a s/main/0', 'a s/main/1', 'b s/main/1', 'b s/main/init', 'b s/main/1'])
    expect(o.tally).toMatchObject({ node: 'b', acked: 2, trouble: '' })
  })
  test('what waits is bounded, and the oldest is given up', async () => {
    let up = false
    const w = world((_, name) => (up ? { status: name.endsWith('/3') ? 409 : 201 } : null))
    const o = new Outbox('s', new Uint8Array(1), w.c, () => ['a'], () => {})
    for (let i = 0; i < 40; i++) {
      o.add(piece())
      await w.pass(2000)
    }
    expect(o.tally.waiting).toBe(most / 2)
    expect(o.tally.lost).toBe(10)
    expect(o.tally.behind).toBeGreaterThan(50_000)
    up = true
    await w.pass(10_000)
    expect(o.tally).toMatchObject({ waiting: 0, lost: 10 })
  })
  test('a key that counts no more ends it with the reason', async () => {
    const said: string[] = []
    const w = world(() => ({ status: 403, detail: 'unknown stream key' }))
    const o = new Outbox('s', new Uint8Array(1), w.c, () => ['a'], (x) => x && said.push(x))
    o.add(piece())
    await w.pass(5000)
    expect(said).toEqual(['unknown stream key'])
    expect(w.sent).toHaveLength(1)
  })
  test('it does not hurry a node that is busy', () => {
    const busy: Answer = { status: 503, kind: 'not_durable', detail: '', node: '', after: 1000 }
    expect(pause(busy, 0, 2)).toBe(0)
    expect(pause(busy, 1, 2)).toBe(1000)
    expect(pause({ ...busy, kind: 'leaving' }, 1, 2)).toBe(50)
    expect(pause({ ...busy, after: 60_000 }, 30, 2)).toBe(2000)
  })
})

test('other nodes are those that are up and may be reached', () => {
  const node = { self: false, ready: true, state: 'alive' }
  expect(others([
    { ...node, publicURL: 'https://a.example' }, { ...node, publicURL: 'https://b.example/', state: 'lost' }, { ...node, publicURL: 'http://c.example' },
    { ...node, publicURL: 'nonsense' }, { ...node, publicURL: 'https://d.example:8443/x' },
  ], 'https://a.example')).toEqual(['https://d.example:8443'])
})
