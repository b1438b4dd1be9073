import { signal } from '@preact/signals'

export interface Caption {
  track: TextTrack
  label: string
  language: string
}

const key = 'mayfly-captions'

function kept(): string {
  try {
    return window.localStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}

function keep(language: string): void {
  try {
    if (language === '') window.localStorage.removeItem(key)
    else window.localStorage.setItem(key, language)
  } catch {
    // Full or forbidden: it counts for this page.
  }
}

const same = (a: string, b: string): boolean => a.split('-')[0]!.toLowerCase() === b.split('-')[0]!.toLowerCase()

/** What captions are called; what is broadcast often says only which of several channels it is. */
export function labelOf(label: string, language: string, number: number): string {
  if (label !== '') return label
  if (language === '') return number === 0 ? 'Captions' : `Captions ${number + 1}`
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(language) ?? language
  } catch {
    return language
  }
}

/**
 * The captions of what plays: text tracks of the playlist, and what comes within the picture (CEA-608 and 708), which
 * hls.js makes text tracks of. At most one is shown; which one is remembered by its language.
 */
export class Captions {
  readonly list = signal<readonly Caption[]>([])
  readonly shown = signal<TextTrack | null>(null)
  private wish: string
  private readonly off = new AbortController()

  constructor(
    private readonly video: HTMLVideoElement,
    wish: string,
  ) {
    this.wish = wish || kept()
    const { signal } = this.off
    for (const what of ['addtrack', 'removetrack', 'change'] as const) video.textTracks.addEventListener(what, () => this.look(), { signal })
  }

  close(): void {
    this.off.abort()
  }

  show(track: TextTrack | null): void {
    this.wish = track === null ? '' : track.language || 'en'
    keep(this.wish)
    for (const { track: t } of this.list.value) t.mode = t === track ? 'showing' : 'disabled'
    this.look()
  }

  /** Shows captions, or none if there are some. */
  toggle(): void {
    const all = this.list.value
    if (this.shown.value !== null) this.show(null)
    else this.show((all.find((c) => same(c.language, navigator.language)) ?? all[0])?.track ?? null)
  }

  private look(): void {
    const tracks = [...this.video.textTracks].filter((t) => t.kind === 'captions' || t.kind === 'subtitles')
    this.list.value = tracks.map((track, i) => ({ track, language: track.language, label: labelOf(track.label, track.language, i) }))
    let shown = tracks.find((t) => t.mode === 'showing') ?? null
    if (shown === null && this.wish !== '') {
      shown = tracks.find((t) => same(t.language || 'en', this.wish)) ?? null
      if (shown !== null) shown.mode = 'showing'
    }
    this.shown.value = shown
  }
}
