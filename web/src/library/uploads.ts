import { signal } from '@preact/signals'
import type { Upload } from 'tus-js-client'
import { fetched } from '../again'
import { call } from '../people/api'
import { begun } from './find'
import { clips, look, path, take, type Clip } from './shelf'

/** A file on its way to the server from this page. */
export interface Sending {
  clip: string
  name: string
  sent: number
  bytes: number
  state: 'queued' | 'sending' | 'waiting' | 'failed'
  fault: string
}

/** Files on their way, by the ids of their clips. */
export const sending = signal<ReadonlyMap<string, Sending>>(new Map())
/** Files that were not taken, with the reason. */
export const refused = signal<readonly { name: string; why: string }[]>([])

/** So many files are sent at once; the others wait. */
const atOnce = 2
const queue: { clip: Clip; file: File }[] = []
const running = new Map<string, Upload>()

/** Takes files that were chosen or dropped. One that was begun before, on whatever machine, goes on where it stopped. */
export async function add(files: Iterable<File>): Promise<void> {
  refused.value = []
  for (const file of files) {
    try {
      const clip = begun(file, clips.value, sending.value) ?? (await call<Clip>('POST', `${path}/clips`, { file: file.name, bytes: file.size }))
      take(clip)
      queue.push({ clip, file })
      set(clip.id, { clip: clip.id, name: file.name, sent: 0, bytes: file.size, state: 'queued', fault: '' })
      void next()
    } catch (e) {
      refused.value = [...refused.value, { name: file.name, why: e instanceof Error ? e.message : String(e) }]
    }
  }
}

function set(id: string, s: Partial<Sending> | null): void {
  const map = new Map(sending.value)
  const old = map.get(id)
  if (s === null) map.delete(id)
  else map.set(id, { ...(old as Sending), ...s })
  sending.value = map
}

async function next(): Promise<void> {
  const tus = await fetched(() => import('tus-js-client')).catch(() => null)
  if (tus === null) {
    for (const { clip } of queue.splice(0)) set(clip.id, { state: 'failed', fault: faultOf(0) })
    return
  }
  const { Upload, DetailedError } = tus
  if (running.size >= atOnce) return // from here to where it is noted that this one runs nothing is waited for
  const job = queue.shift()
  if (job === undefined) return
  const { clip, file } = job
  if (!sending.value.has(clip.id)) return next() // it was given up
  const end = () => {
    running.delete(clip.id)
    void next()
  }
  const upload = new Upload(file, {
    uploadUrl: clip.upload!,
    storeFingerprintForResuming: false, // the server knows which files were begun
    retryDelays: [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 30_000, 30_000, 60_000],
    onShouldRetry: (e) => {
      const status = e instanceof DetailedError ? (e.originalResponse?.getStatus() ?? 0) : 0
      const again = status === 0 || status >= 500 || status === 409 || status === 423 || status === 429
      if (again) set(clip.id, { state: 'waiting' })
      return again
    },
    onProgress: (sent) => set(clip.id, { sent, state: 'sending' }),
    onSuccess: () => {
      set(clip.id, null)
      take({ ...clip, state: 'waiting' })
      void look()
      end()
    },
    onError: (e) => {
      const status = e instanceof DetailedError ? (e.originalResponse?.getStatus() ?? 0) : 0
      set(clip.id, { state: 'failed', fault: faultOf(status) })
      end()
    },
  })
  running.set(clip.id, upload)
  set(clip.id, { state: 'sending' })
  upload.start()
}

export function faultOf(status: number): string {
  if (status === 404 || status === 410) return 'The clip was deleted.'
  if (status === 401 || status === 403) return 'You may not add to this library any more.'
  if (status === 0) return 'The server is out of reach. Choose the file again to go on.'
  return `The server did not take it (${status}). Choose the file again to go on.`
}

/** Stops sending a file. */
export function give(id: string): void {
  void running.get(id)?.abort()
  running.delete(id)
  set(id, null)
  void next()
}

/** Whether a file is on its way from this page. */
export const busy = (): boolean => running.size > 0
