import { expect, test } from 'vitest'
import { inband } from './inband'

interface Cue {
  startTime: number
  endTime: number
  text: string
}

/** hls.js as far as captions within the picture go: what it was told, and a track. */
function timeline() {
  const cues: Cue[] = []
  const told: unknown[] = []
  const track = { addCue: (c: Cue) => cues.push(c), removeCue: (c: Cue) => cues.splice(cues.indexOf(c), 1) }
  class Base {
    lastSn = 7
    lastPartIndex = 2
    captionsTracks: Record<string, unknown> = {}
    channel = { cueStartTime: null as number | null, displayedMemory: { text: '', isEmpty() { return this.text === '' } } }
    cea608Parser1 = { channels: [null, this.channel, null] }
    Cues = { newCue: (_t: null, startTime: number, endTime: number, screen: { text: string }) => [{ startTime, endTime, text: screen.text }] }
    createCaptionsTrack(name: string) { this.captionsTracks[name] = { track } }
    addCues(_n: string, startTime: number, endTime: number, screen: { text: string }) { cues.push({ startTime, endTime, text: screen.text }) }
    onFragLoading() { told.push(this.lastSn) }
    onFragParsingUserdata() {}
    onBufferAppended(_e: string, data: unknown) { told.push(data) }
    onBufferFlushing(_e: string, data: unknown) { told.push(data) }
  }
  const Inband = inband({ DefaultConfig: { timelineController: Base } } as never) as unknown as new () => Base & { onFragLoading(e: string, d: object): void; onBufferAppended(e: string, d: object): void }
  const made = new Inband()
  const shows = (start: number | null, text: string) => {
    made.channel.cueStartTime = start
    made.channel.displayedMemory.text = text
    made.onFragParsingUserdata()
  }
  return { made, cues, told, shows }
}

test('a caption is shown before its end is known, and exchanged when it is', () => {
  const { made, cues, shows } = timeline()
  shows(null, '')
  expect(cues).toEqual([])
  shows(10, 'Hello')
  shows(10, 'Hello')
  expect(cues).toEqual([{ startTime: 10, endTime: 22, text: 'Hello' }])
  made.addCues('textTrack1', 10, 13, { text: 'Hello' } as never)
  expect(cues).toEqual([{ startTime: 10, endTime: 13, text: 'Hello' }])
  shows(13, 'again')
  shows(14, 'again and')
  expect(cues.slice(1)).toEqual([{ startTime: 13, endTime: 14, text: 'again' }, { startTime: 14, endTime: 26, text: 'again and' }])
  made.addCues('textTrack1', 13, 15, { text: 'again and' } as never)
  expect(cues.map((c) => c.text)).toEqual(['Hello', 'again and'])
})

test('what follows a part is told as if it followed a segment, and one buffer for both as that of the picture', () => {
  const { made, told } = timeline()
  made.onFragLoading('', { frag: { sn: 7 }, part: { index: 3 } })
  made.lastSn = 7
  made.onFragLoading('', { frag: { sn: 7 }, part: { index: 9 } })
  made.onFragLoading('', { frag: { sn: 8 }, part: { index: 0 } })
  expect(told).toEqual([6, 7, 7])
  made.onBufferAppended('', { type: 'audiovideo', timeRanges: { audiovideo: 'both' } })
  made.onBufferAppended('', { type: 'audio', timeRanges: { audio: 'sound' } })
  expect(told.slice(3)).toEqual([{ type: 'video', timeRanges: { video: 'both' } }, { type: 'audio', timeRanges: { audio: 'sound' } }])
})
