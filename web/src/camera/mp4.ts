// Fragmented MP4 (ISO/IEC 14496-12) as far as a camera needs it: the header of one track of H.264 and one of sound, and
// fragments of samples that are decoded in the order in which they are shown.

/** Time scales: of pictures 1/90,000 s, of sound 1/48,000 s. */
export const pictureScale = 90_000
export const soundScale = 48_000

export const pictureTrack = 1
export const soundTrack = 2

export interface Pictures {
  width: number
  height: number
  /** AVCDecoderConfigurationRecord. */
  avcC: Uint8Array
}

export interface Sound {
  codec: 'opus' | 'aac'
  channels: number
  /** Opus: its OpusHead (RFC 7845, 5.1). AAC: its AudioSpecificConfig. */
  config: Uint8Array
}

export interface Sample {
  data: Uint8Array
  duration: number
  key: boolean
}

type Part = Uint8Array | readonly number[]

const u16 = (v: number): number[] => [(v >>> 8) & 255, v & 255]
const u32 = (v: number): number[] => [(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]
const u64 = (v: number): number[] => [...u32(Math.floor(v / 2 ** 32)), ...u32(v % 2 ** 32)]
const text = (s: string): number[] => Array.from(s, (c) => c.charCodeAt(0))
const zeros = (n: number): number[] => new Array<number>(n).fill(0)

export function join(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of parts) {
    out.set(p, at)
    at += p.length
  }
  return out
}

function box(name: string, ...parts: Part[]): Uint8Array {
  const size = parts.reduce((n, p) => n + p.length, 8)
  return join([u32(size), text(name), ...parts])
}

const full = (name: string, version: number, flags: number, ...parts: Part[]): Uint8Array => box(name, u32(((version << 24) | flags) >>> 0), ...parts)

const unity = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].flatMap(u32)

/** The header of both tracks. */
export function init(pictures: Pictures, sound: Sound): Uint8Array<ArrayBuffer> {
  const extends_ = (id: number) => full('trex', 0, 0, [id, 1, 0, 0, 0].flatMap(u32))
  return join([
    box('ftyp', text('iso6'), u32(0), text('cmfcmp42')),
    box('moov',
      full('mvhd', 0, 0, [0, 0, 1000, 0, 0x10000].flatMap(u32), u16(0x100), zeros(10), unity, zeros(24), u32(0xffffffff)),
      track(pictureTrack, pictureScale, 'vide', full('vmhd', 0, 1, zeros(8)), pictureEntry(pictures), pictures.width, pictures.height),
      track(soundTrack, soundScale, 'soun', full('smhd', 0, 0, zeros(4)), soundEntry(sound), 0, 0),
      box('mvex', extends_(pictureTrack), extends_(soundTrack))),
  ])
}

function track(id: number, scale: number, kind: string, media: Part, entry: Part, width: number, height: number): Uint8Array {
  const volume = kind === 'soun' ? 0x100 : 0
  return box('trak',
    full('tkhd', 0, 3, [0, 0, id, 0, 0].flatMap(u32), zeros(8), u16(0), u16(0), u16(volume), u16(0), unity, u32(width * 65536), u32(height * 65536)),
    box('mdia',
      full('mdhd', 0, 0, [0, 0, scale, 0].flatMap(u32), u16(0x55c4), u16(0)),
      full('hdlr', 0, 0, u32(0), text(kind), zeros(12), text('Mayfly\0')),
      box('minf', media,
        box('dinf', full('dref', 0, 0, u32(1), full('url ', 0, 1))),
        box('stbl',
          full('stsd', 0, 0, u32(1), entry),
          ...['stts', 'stsc', 'stco'].map((name) => full(name, 0, 0, u32(0))),
          full('stsz', 0, 0, u32(0), u32(0))))))
}

function pictureEntry(p: Pictures): Uint8Array {
  return box('avc1', zeros(6), u16(1), zeros(16), u16(p.width), u16(p.height), u32(0x480000), u32(0x480000), u32(0), u16(1), zeros(32), u16(0x18), u16(0xffff), box('avcC', p.avcC))
}

function soundEntry(s: Sound): Uint8Array {
  const head = [...zeros(6), ...u16(1), ...zeros(8), ...u16(s.channels), ...u16(16), ...u32(0), ...u32(soundScale * 65536)]
  return s.codec === 'opus' ? box('Opus', head, box('dOps', dOps(s.config))) : box('mp4a', head, full('esds', 0, 0, descriptors(s.config)))
}

/** What dOps holds is the OpusHead without its mark, in the other byte order (Encapsulation of Opus in ISO BMFF, 4.3.2). */
function dOps(opusHead: Uint8Array): number[] {
  const v = new DataView(opusHead.buffer, opusHead.byteOffset, opusHead.byteLength)
  return [0, v.getUint8(9), ...u16(v.getUint16(10, true)), ...u32(v.getUint32(12, true)), ...u16(v.getUint16(16, true)), v.getUint8(18)]
}

/** The content of an esds (ISO/IEC 14496-1, 7.2.6). */
function descriptors(config: Uint8Array): number[] {
  const wrap = (tag: number, body: number[]) => [tag, body.length, ...body]
  const decoder = wrap(4, [0x40, 0x15, 0, 0, 0, ...u32(0), ...u32(0), ...wrap(5, Array.from(config))])
  return wrap(3, [...u16(soundTrack), 0, ...decoder, ...wrap(6, [2])])
}

/** A run of samples of one track that begins at a time in its scale: a moof and its mdat. */
export function fragment(id: number, sequence: number, base: number, samples: readonly Sample[]): Uint8Array<ArrayBuffer> {
  const run = (offset: number) => box('moof',
    full('mfhd', 0, 0, u32(sequence)),
    box('traf',
      full('tfhd', 0, 0x20000, u32(id)),
      full('tfdt', 1, 0, u64(base)),
      full('trun', 0, 0x701, u32(samples.length), u32(offset),
        samples.flatMap((s) => [...u32(s.duration), ...u32(s.data.length), ...u32(s.key ? 0x02000000 : 0x01010000)]))))
  const offset = run(0).length + 8
  return join([run(offset), box('mdat', ...samples.map((s) => s.data))])
}
