import type Hls from 'hls.js'
import type { BufferAppendedData, BufferFlushingData, FragLoadingData, FragParsingUserdataData, HlsConfig } from 'hls.js'

/** What a decoder of captions shows, and since when. */
interface Display {
  cueStartTime: number | null
  displayedMemory: Screen
}

interface Screen {
  isEmpty(): boolean
}

interface Decoder {
  channels: (Display | null)[]
}

/** What hls.js keeps to itself of how it reads captions within the picture. */
interface Timeline {
  lastSn: number
  lastPartIndex: number
  cea608Parser1: Decoder | undefined
  cea608Parser2: Decoder | undefined
  captionsTracks: Record<string, { track?: TextTrack } | undefined>
  Cues: { newCue(track: null, start: number, end: number, screen: Screen): VTTCue[] }
  createCaptionsTrack(name: string): void
  addCues(name: string, start: number, end: number, screen: Screen, ranges: unknown): void
  onFragLoading(event: string, data: FragLoadingData): void
  onFragParsingUserdata(event: string, data: FragParsingUserdataData): void
  onBufferAppended(event: string, data: BufferAppendedData): void
  onBufferFlushing(event: string, data: BufferFlushingData): void
}

/** A caption that is shown and whose end is not known. */
interface Open {
  start: number
  cues: VTTCue[]
}

/** How long a caption stays if nothing takes its place, in seconds. */
const longest = 12

/**
 * Captions within the picture, as near to life as the picture is. hls.js makes a caption when it knows its end, which
 * is later than the picture is shown; it forgets what it has read with every part that is not the first one of its
 * segment; and it shows nothing where picture and sound are in one buffer. So a caption is shown from its beginning and
 * exchanged when its end is known; what follows a part is told as if it followed a segment; and one buffer for both as
 * that of the picture.
 */
export function inband(Class: typeof Hls): NonNullable<HlsConfig['timelineController']> {
  const Base = Class.DefaultConfig.timelineController as unknown as new (hls: Hls) => Timeline
  class Inband extends Base {
    private readonly open: Record<string, Open[]> = {}

    override onFragLoading(event: string, data: FragLoadingData): void {
      if (data.frag.sn === this.lastSn && data.part?.index === this.lastPartIndex + 1) this.lastSn--
      super.onFragLoading(event, data)
    }

    override onFragParsingUserdata(event: string, data: FragParsingUserdataData): void {
      super.onFragParsingUserdata(event, data)
      this.show('textTrack1', this.cea608Parser1?.channels[1])
      this.show('textTrack2', this.cea608Parser1?.channels[2])
      this.show('textTrack3', this.cea608Parser2?.channels[1])
      this.show('textTrack4', this.cea608Parser2?.channels[2])
    }

    override addCues(name: string, start: number, end: number, screen: Screen, ranges: unknown): void {
      const track = this.captionsTracks[name]?.track
      const left: Open[] = []
      for (const o of this.open[name] ?? []) {
        if (o.start < start - 0.01 || o.start >= end) left.push(o)
        else {
          try {
            for (const c of o.cues) track?.removeCue(c)
          } catch {
            // It went with what was played.
          }
        }
      }
      this.open[name] = left.slice(-8)
      super.addCues(name, start, end, screen, ranges)
    }

    override onBufferAppended(event: string, data: BufferAppendedData): void {
      const both = data.timeRanges.audiovideo
      super.onBufferAppended(event, data.type === 'audiovideo' && both ? { ...data, type: 'video', timeRanges: { video: both } } : data)
    }

    override onBufferFlushing(event: string, data: BufferFlushingData): void {
      super.onBufferFlushing(event, data.type === 'audiovideo' ? { ...data, type: 'video' } : data)
    }

    private show(name: string, display: Display | null | undefined): void {
      const start = display?.cueStartTime ?? null
      const all = (this.open[name] ??= [])
      const before = all[all.length - 1]
      if (!display || start === null || display.displayedMemory.isEmpty() || before?.start === start) return
      this.createCaptionsTrack(name)
      const track = this.captionsTracks[name]?.track
      if (track === undefined) return
      for (const c of before?.cues ?? []) c.endTime = Math.max(c.startTime, Math.min(c.endTime, start))
      const cues = this.Cues.newCue(null, start, start + longest, display.displayedMemory)
      for (const c of cues) track.addCue(c)
      all.push({ start, cues })
    }
  }
  return Inband as unknown as NonNullable<HlsConfig['timelineController']>
}
