import { computed, signal } from '@preact/signals'
import { Feed } from '../feed'
import { call, Problem } from '../people/api'
import { hear } from './board'
import type { Cue } from './cue'
import { insist } from './insist'

/** What a source sends now. */
export interface Sending {
  preview: string
  node: string
  backup?: boolean
  onAir: boolean
  width?: number
  height?: number
  warnings?: Warning[]
}

/** What is wrong with what a source sends, in words for a producer. */
export interface Warning {
  kind: string
  text: string
}

export interface Source {
  id: string
  name: string
  streamKey?: string
  backupStreamKey?: string
  cameraKey?: string
  /** Viewers do not hear it. */
  mute?: boolean
  /** By how many dB viewers hear it louder than it comes. */
  gain?: number
  sending?: Sending
}

export type Role = 'owner' | 'producer' | 'moderator'

/** A channel as somebody sees it who works on it. */
export interface Channel {
  slug: string
  title: string
  description?: string
  state: 'live' | 'off' | 'never'
  since: string
  /** Off air, it shows its card. */
  card?: boolean
  viewers: number
  notice?: string
  bucketAway?: boolean
  role?: Role
  sources?: Source[]
  listed?: boolean
  autoLive?: boolean
  keep?: boolean
  /** Every broadcast is kept as a recording, for so many days; 0 days: as long as there is room. */
  record?: boolean
  recordDays?: number
  dvrWindow: number
  /** Its graphics are drawn into the pictures of a second program too, whose playlist lies at an address of its own. */
  burn?: boolean
  burnt?: string
  /** Another number whenever what people set in the channel has changed. */
  revision?: number
  onAir?: { source: string; since: string; ahead?: number; sound?: string; delay?: number; mute?: boolean; cue?: Cue }
  /** What producers cut to for themselves while viewers see none of it. */
  rehearsal?: { source?: string; since: string; at: string }
  /** The sound that is heard while the pictures of other sources are cut. */
  kept?: { source: string; delay?: number }
  ingest?: { rtmp?: number; rtmps?: number }
  category?: string
  language?: string
  tags?: string[]
  accent?: string
  background?: string
  logo?: string
  picture?: string
  visibility?: 'private' | 'unlisted' | 'listed'
  viewerLimit?: number
  /** There is a password for viewers. */
  password?: boolean
  /** Why an operator has suspended it. */
  suspended?: string
}

/** The channel whose studio this is; null until it is known. */
export const channel = signal<Channel | null>(null)

/** Why it is not, for people. */
export const trouble = signal('')

/** The source that is looked at before it goes on air. */
export const chosen = signal('')

/** The cut that was asked for and that viewers do not see yet. */
export const cutting = signal<{ source: string; until: number } | null>(null)

/** What went wrong with the last cut. */
export const refused = signal('')

export const link = signal(true)

export const sources = computed<Source[]>(() => channel.value?.sources ?? [])

/** Whether cuts are seen by producers alone. */
export const rehearses = computed(() => channel.value?.rehearsal !== undefined)

/** The source on air, or in a rehearsal the one that would be; '' for none. */
export const onAir = computed(() => (channel.value?.rehearsal ? (channel.value.rehearsal.source ?? '') : channel.value?.state === 'live' ? (channel.value.onAir?.source ?? '') : ''))

/** The source that is heard, '' for none. */
export const heard = computed(() => (onAir.value === '' || rehearses.value ? onAir.value : channel.value?.onAir?.mute ? '' : (channel.value?.onAir?.sound ?? onAir.value)))

export const mayCut = computed(() => channel.value?.role !== 'moderator')

let asked = 0

/** Asks for the channel as it is now. Of two answers that cross, the one counts that was asked for later. */
export async function refresh(slug: string): Promise<void> {
  const turn = ++asked
  try {
    const c = await call<Channel>('GET', `/channels/${encodeURIComponent(slug)}`)
    if (turn === asked) take(c)
  } catch (e) {
    if (channel.value === null || (e instanceof Problem && (e.status === 404 || e.status === 401 || e.status === 403))) trouble.value = e instanceof Error ? e.message : String(e)
  }
}

/** Makes an answer about the channel what the page shows. */
export function take(c: Channel): void {
  channel.value = c
  trouble.value = ''
  const wanted = cutting.value
  if (wanted !== null && onAir.value === wanted.source) cutting.value = null
  if (!c.sources?.some((s) => s.id === chosen.value)) chosen.value = c.sources?.find((s) => s.sending && !s.sending.onAir)?.id ?? c.sources?.[0]?.id ?? ''
}

const lookEvery = 1000

let feed: Feed | null = null

/** The server's clock, in ms. */
export const feedClock = (): number => feed?.clock.now(Date.now()) ?? Date.now()

/** Keeps the channel known for as long as the page is there. What changes is told by the server; what sources send is looked at besides. */
export function open(slug: string): void {
  void refresh(slug)
  feed = new Feed(slug, {
    status: () => void refresh(slug),
    removed: () => {
      trouble.value = 'There is no such channel any more.'
      channel.value = null
    },
    link: (up) => (link.value = up),
    graphics: hear,
  })
  window.setInterval(() => document.visibilityState === 'visible' && void refresh(slug), lookEvery)
  void lookElsewhere(slug)
  window.setInterval(() => link.value && void lookElsewhere(slug), nodesEvery)
}

/** Where the studio is at other nodes, as far as they have an address of their own: for when this one does not answer. */
export const elsewhere = signal<string[]>([])

const nodesEvery = 20_000

async function lookElsewhere(slug: string): Promise<void> {
  try {
    const { nodes } = await call<{ nodes: { publicURL: string; self: boolean; ready: boolean; state: string }[] }>('GET', '/nodes')
    const other = nodes.filter((n) => !n.self && n.ready && n.state === 'alive' && n.publicURL !== '' && new URL(n.publicURL).origin !== location.origin)
    elsewhere.value = other.map((n) => new URL(`/studio/${encodeURIComponent(slug)}`, n.publicURL).href)
  } catch {
    // What was known counts on: now it may be needed.
  }
}

/** Puts a source or a clip on air, or with 'off' takes the channel off air. */
export const cut = (source: string): Promise<void> => play({ source })

/** Does what a cut asks for, which may name clips and what follows them. */
export async function play(asked: { source: string; clips?: string[]; then?: string }): Promise<void> {
  const c = channel.value
  if (c === null || !mayCut.value) return
  refused.value = ''
  const target = asked.source === 'off' ? '' : asked.source
  cutting.value = { source: target, until: Date.now() + 5000 }
  try {
    const { expectedAt } = await insist<{ number: number; expectedAt: string }>('POST', `/channels/${encodeURIComponent(c.slug)}/cuts`, asked)
    if (cutting.value?.source === target) cutting.value = { source: target, until: Date.parse(expectedAt) }
  } catch (e) {
    cutting.value = null
    refused.value = e instanceof Error ? e.message : String(e)
  }
  await refresh(c.slug)
}

/** Changes something of the channel by the API, and shows what came of it. */
async function change(path: string, body: unknown, method: 'PATCH' | 'PUT' | 'DELETE' = 'PATCH'): Promise<void> {
  const c = channel.value
  if (c === null || !mayCut.value) return
  refused.value = ''
  const turn = ++asked
  try {
    const answer = await insist<Channel>(method, `/channels/${encodeURIComponent(c.slug)}${path}`, body)
    if (turn === asked) take(answer)
  } catch (e) {
    refused.value = e instanceof Error ? e.message : String(e)
    await refresh(c.slug)
  }
}

/** Begins a rehearsal, or ends it. */
export const rehearse = (on: boolean): Promise<void> => change('/rehearsal', undefined, on ? 'PUT' : 'DELETE')

/** Keeps the sound of a source while pictures are cut; with '' each source is heard with its own. */
export const keepSound = (source: string, delay = 0): Promise<void> => change('/sound', { source, delay })

/** Says whether viewers hear a source when it is on air. */
export const setMute = (source: string, mute: boolean): Promise<void> => change(`/sources/${source}/sound`, { mute })

/** Has viewers hear a source by so many dB louder than it comes. */
export const setGain = (source: string, gain: number): Promise<void> => change(`/sources/${source}/sound`, { gain })
