import { signal } from '@preact/signals'

/** What the demonstration says of itself: read strictly enough that a field that is missing breaks nothing. */

export interface NodeState {
  name: string
  state: string
  since: number
  pid: number
  incarnation: string
  log: string
  starts: number
  cut: boolean
  takesIn: string[]
  witnesses: string[]
  directs: string[]
  share: number
  bitrate: number
  seen: Record<string, string>
}

export interface ChannelState {
  slug: string
  how: string
  state: string
  node: string
  witnesses: string[]
  director: string
  fps: number
  encoder: boolean
  restarts: number
}

export interface State {
  now: number
  front: string
  epoch: number
  refused: number
  mesh: boolean
  nodes: NodeState[]
  bucket: { where: string; away: boolean; since: number }
  channels: ChannelState[]
}

export interface Entry {
  id: number
  at: number
  kind: string
  node: string
  on: boolean
  slug: string
  text: string
}

type Fields = Record<string, unknown>
const fields = (v: unknown): Fields => (typeof v === 'object' && v !== null ? (v as Fields) : {})
const text = (v: unknown): string => (typeof v === 'string' ? v : '')
const count = (v: unknown): number => (typeof v === 'number' && Number.isFinite(v) ? v : 0)
const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : [])
const texts = (v: unknown): string[] => list(v).filter((x) => typeof x === 'string')

export function readState(v: unknown): State {
  const s = fields(v)
  const b = fields(s['bucket'])
  return {
    now: count(s['now']),
    front: text(s['front']),
    epoch: count(s['epoch']),
    refused: count(s['refused']),
    mesh: s['mesh'] === true,
    bucket: { where: text(b['where']), away: b['away'] === true, since: count(b['since']) },
    nodes: list(s['nodes']).map(fields).map((n) => ({
      name: text(n['name']),
      state: text(n['state']),
      since: count(n['since']),
      pid: count(n['pid']),
      incarnation: text(n['incarnation']),
      log: text(n['log']),
      starts: count(n['starts']),
      cut: n['cut'] === true,
      takesIn: texts(n['takesIn']),
      witnesses: texts(n['witnesses']),
      directs: texts(n['directs']),
      share: count(n['share']),
      bitrate: count(n['bitrate']),
      seen: Object.fromEntries(Object.entries(fields(n['seen'])).map(([k, w]) => [k, text(w)])),
    })),
    channels: list(s['channels']).map(fields).map((c) => ({
      slug: text(c['slug']),
      how: text(c['how']),
      state: text(c['state']),
      node: text(c['node']),
      witnesses: texts(c['witnesses']),
      director: text(c['director']),
      fps: count(c['fps']) || 30,
      encoder: c['encoder'] === true,
      restarts: count(c['restarts']),
    })),
  }
}

export function readEntry(v: unknown): Entry | null {
  const e = fields(v)
  const id = count(e['id'])
  return id === 0 ? null : { id, at: count(e['at']), kind: text(e['kind']), node: text(e['node']), on: e['on'] === true, slug: text(e['slug']), text: text(e['text']) }
}

export const state = signal<State | null>(null)
export const entries = signal<readonly Entry[]>([])
/** The demonstration itself answers; without it there is nothing to press. */
export const link = signal(true)
/** Why the last button did not work; empty when it did. */
export const trouble = signal('')

const mostEntries = 300

/** Listens for ever. The browser opens the stream again by itself. */
export function listen(): void {
  const source = new EventSource('/events')
  source.onopen = () => (link.value = true)
  source.onerror = () => (link.value = false)
  source.addEventListener('state', (e) => (state.value = readState(parse(e.data))))
  source.addEventListener('log', (e) => {
    const entry = readEntry(parse(e.data))
    // An older number than the last means that another demonstration runs at this address, or the stream began anew.
    if (entry === null || entries.value.some((old) => old.id === entry.id && old.at === entry.at)) return
    entries.value = [...entries.value, entry].slice(-mostEntries)
  })
}

function parse(data: unknown): unknown {
  try {
    return JSON.parse(String(data))
  } catch {
    return null
  }
}

async function press(path: string): Promise<void> {
  try {
    const r = await fetch(path, { method: 'POST', headers: { 'X-Mayfly-Demo': '1' }, signal: AbortSignal.timeout(8_000) })
    trouble.value = r.ok ? '' : (await r.text()).trim() || `The answer was ${r.status}.`
  } catch {
    trouble.value = 'The demonstration does not answer. Is it still running in the terminal?'
  }
}

export const kill = (node: string): Promise<void> => press(`/nodes/${node}/kill`)
export const start = (node: string): Promise<void> => press(`/nodes/${node}/start`)
export const cutOff = (node: string, cut: boolean): Promise<void> => press(`/nodes/${node}/mesh?cut=${cut ? 1 : 0}`)
export const takeBucket = (away: boolean): Promise<void> => press(`/bucket?away=${away ? 1 : 0}`)
