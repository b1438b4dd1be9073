import { computed, signal } from '@preact/signals'
import { call } from '../people/api'
import { matches, pause } from './find'

export type State = 'uploading' | 'waiting' | 'converting' | 'ready' | 'failed'

/** A clip, as the API says it. */
export interface Clip {
  id: string
  title: string
  tags: string[]
  created: string
  state: State
  fault?: string
  progress?: number
  origin: string
  file?: string
  bytes: number
  upload?: string
  duration?: number
  width?: number
  height?: number
  in: number
  out?: number
  poster?: string
  playlist?: string
  download?: string
  public: boolean
}

export interface Quota {
  bytes: number
  clips: number
}

interface Answer {
  clips: Clip[]
  used: Quota
  quota: Quota
}

export const slug = decodeURIComponent(location.pathname.split('/')[2] ?? '')
export const path = `/channels/${encodeURIComponent(slug)}`

export const answer = signal<Answer | null>(null)
export const trouble = signal('')
export const search = signal('')

export const clips = computed(() => answer.value?.clips ?? [])
export const found = computed(() => clips.value.filter((c) => matches(c, search.value)))

let timer = 0

/** Asks for the list, and again by and by for as long as the page is open. */
export async function look(): Promise<void> {
  window.clearTimeout(timer)
  try {
    answer.value = await call<Answer>('GET', `${path}/clips`)
    trouble.value = ''
  } catch (e) {
    trouble.value = e instanceof Error ? e.message : String(e)
  }
  timer = window.setTimeout(() => (document.visibilityState === 'visible' ? void look() : (timer = window.setTimeout(look, 5000))), pause(clips.value))
}

/** Shows a clip as it is now, without waiting for the list. */
export function take(c: Clip): void {
  const a = answer.value
  if (a === null) return
  const there = a.clips.some((old) => old.id === c.id)
  answer.value = { ...a, clips: there ? a.clips.map((old) => (old.id === c.id ? { ...old, ...c } : old)) : [c, ...a.clips] }
}

export function drop(id: string): void {
  const a = answer.value
  if (a !== null) answer.value = { ...a, clips: a.clips.filter((c) => c.id !== id) }
}
