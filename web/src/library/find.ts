import type { Clip } from './shelf'

/** Whether a clip has all words of a search in its title, tags or file name. */
export function matches(c: Pick<Clip, 'title' | 'tags' | 'file'>, words: string): boolean {
  const text = [c.title, ...c.tags, c.file ?? ''].join(' ').toLocaleLowerCase()
  return words.toLocaleLowerCase().split(/\s+/).every((w) => text.includes(w))
}

/** How long until the list is asked for again: often while something changes by itself. */
export function pause(list: readonly Pick<Clip, 'state'>[]): number {
  return list.some((c) => c.state === 'waiting' || c.state === 'converting') ? 2000 : 15_000
}

/** The clip that waits for the rest of a file, unless it is being sent by this page. */
export function begun(file: Pick<File, 'name' | 'size'>, all: readonly Clip[], now: ReadonlyMap<string, unknown>): Clip | undefined {
  return all.find((c) => c.state === 'uploading' && c.file === file.name && c.bytes === file.size && !now.has(c.id))
}

/** 3.2 GB, 14 MB, 12 kB. */
export function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  if (bytes >= 1e6) return `${Math.round(bytes / 1e6)} MB`
  return `${Math.max(1, Math.ceil(bytes / 1000))} kB`
}
