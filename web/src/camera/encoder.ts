import { pictureScale, soundScale, type Pictures, type Sound } from './mp4'
import type { Encoded } from './cutter'
import type { Heard } from './ears'

export interface Quality {
  name: string
  width: number
  height: number
  bitrate: number
  /** H.264, constrained baseline, at the level that holds it at 30 pictures a second (ITU-T H.264, table A-1). */
  codec: string
}

export const qualities: readonly Quality[] = [
  { name: '540p', width: 960, height: 540, bitrate: 1_500_000, codec: 'avc1.42E01F' },
  { name: '720p', width: 1280, height: 720, bitrate: 2_500_000, codec: 'avc1.42E01F' },
  { name: '1080p', width: 1920, height: 1080, bitrate: 4_500_000, codec: 'avc1.42E028' },
]

export const rate = 30
const soundBitrate = 128_000
/** Seconds from one keyframe to the next. A piece lasts as long. */
export const keyEvery = 2
/** More pictures than this wait for the encoder only when it is too slow. */
const queue = 3

/** How pictures of a quality are encoded here, or null if they cannot be. */
export async function pictureConfig(q: Quality): Promise<VideoEncoderConfig | null> {
  if (typeof VideoEncoder === 'undefined') return null
  const config: VideoEncoderConfig = {
    codec: q.codec, width: q.width, height: q.height, bitrate: q.bitrate, framerate: rate, latencyMode: 'realtime', bitrateMode: 'variable', avc: { format: 'avc' },
  }
  const main = q.codec.replace('42E0', '4D00')
  for (const c of [config, { ...config, codec: main }, { ...config, hardwareAcceleration: 'prefer-software' as const }]) {
    if (await VideoEncoder.isConfigSupported(c).then((s) => s.supported === true, () => false)) return c
  }
  return null
}

/** How sound is encoded here: AAC if the browser can, which nobody has to convert, else Opus. Null if neither. */
export async function soundConfig(): Promise<AudioEncoderConfig | null> {
  if (typeof AudioEncoder === 'undefined') return null
  const common = { sampleRate: soundScale, numberOfChannels: 2, bitrate: soundBitrate }
  for (const c of [{ ...common, codec: 'mp4a.40.2', aac: { format: 'aac' } }, { ...common, codec: 'opus', opus: { frameDuration: 20_000 } }] as AudioEncoderConfig[]) {
    if (await AudioEncoder.isConfigSupported(c).then((s) => s.supported === true, () => false)) return c
  }
  return null
}

const bytes = (d: AllowSharedBufferSource): Uint8Array => (ArrayBuffer.isView(d) ? new Uint8Array(d.buffer as ArrayBuffer, d.byteOffset, d.byteLength) : new Uint8Array(d as ArrayBuffer)).slice()

/** Encodes pictures, with a keyframe every two seconds, and when one is asked for. */
export class PictureEncoder {
  dropped = 0
  private wanted = true
  private key = Number.NEGATIVE_INFINITY
  private last = Number.NEGATIVE_INFINITY
  private header: Pictures | null = null
  private readonly encoder: VideoEncoder

  constructor(
    config: VideoEncoderConfig,
    private readonly give: (e: Encoded, header: Pictures) => void,
    failed: (e: Error) => void,
  ) {
    this.encoder = new VideoEncoder({
      error: failed,
      output: (chunk, about) => {
        const d = about?.decoderConfig?.description
        if (d) this.header = { width: config.width, height: config.height, avcC: bytes(d) }
        if (this.header === null) return
        const data = new Uint8Array(chunk.byteLength)
        chunk.copyTo(data)
        this.give({ time: Math.round((chunk.timestamp * pictureScale) / 1e6), key: chunk.type === 'key', data }, this.header)
      },
    })
    this.encoder.configure(config)
  }

  /** Makes the next picture a keyframe. */
  ask(): void {
    this.wanted = true
  }

  /** Whether a picture of that time (in s) would be too soon after the last one. */
  soon(at: number): boolean {
    return at - this.last < 0.75 / rate
  }

  /** How old the last picture is at a time. */
  since(at: number): number {
    return at - this.last
  }

  /** Encodes a picture that is shown at a time in s, and closes it. */
  encode(frame: VideoFrame, at: number): void {
    const late = this.encoder.encodeQueueSize >= queue
    if (late) this.dropped++
    if (!late && at > this.last && this.encoder.state === 'configured') {
      const keyFrame = this.wanted || at - this.key >= keyEvery - 0.5 / rate
      if (keyFrame) this.key = at
      this.wanted = false
      this.last = at
      const timed = new VideoFrame(frame, { timestamp: Math.round(at * 1e6) })
      this.encoder.encode(timed, { keyFrame })
      timed.close()
    }
    frame.close()
  }

  /** Gives out what is on its way, and ends. */
  end(): Promise<void> {
    return drain(this.encoder)
  }
}

async function drain(e: VideoEncoder | AudioEncoder): Promise<void> {
  if (e.state === 'configured') await Promise.race([e.flush().catch(() => {}), new Promise((done) => setTimeout(done, 1000))])
  if (e.state !== 'closed') e.close()
}

/** Samples of a frame. */
export const frameOf = (c: AudioEncoderConfig): number => (c.codec === 'opus' ? 960 : 1024)

/** Encodes sound. Its frames are counted from the first one's sample, so that they follow one another exactly. */
export class SoundEncoder {
  /** Samples of a frame. */
  readonly frame: number
  readonly converted: boolean
  private next = 0
  private began = false
  private header: Sound | null = null
  private readonly encoder: AudioEncoder

  /** delay is how many samples late its sound is heard; of Opus the header says that itself. */
  constructor(
    config: AudioEncoderConfig,
    private readonly delay: number,
    private readonly give: (e: Encoded, header: Sound) => void,
    failed: (e: Error) => void,
  ) {
    this.converted = config.codec === 'opus'
    this.frame = frameOf(config)
    this.encoder = new AudioEncoder({
      error: failed,
      output: (chunk, about) => {
        const d = about?.decoderConfig?.description
        if (d) this.header = { codec: this.converted ? 'opus' : 'aac', channels: 2, config: bytes(d) }
        const data = new Uint8Array(chunk.byteLength)
        chunk.copyTo(data)
        const time = this.next
        this.next += this.frame
        if (this.header !== null) this.give({ time, key: true, data }, this.header)
      },
    })
    this.encoder.configure(config)
  }

  /** Encodes sound; from is the time of its first sample. */
  encode(h: Heard, from: number): void {
    if (this.encoder.state !== 'configured') return
    if (!this.began) this.next = from - this.delay
    this.began = true
    const sound = new AudioData({
      format: 'f32-planar', sampleRate: soundScale, numberOfFrames: h.data.length / 2, numberOfChannels: 2, timestamp: Math.round((from * 1e6) / soundScale), data: h.data,
    })
    this.encoder.encode(sound)
    sound.close()
  }

  /** Gives out what is on its way, and ends. */
  end(): Promise<void> {
    return drain(this.encoder)
  }
}
