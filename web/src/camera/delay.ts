import { soundScale } from './mp4'

/** Where the click is, and how long all of it is, in samples. */
const click = 8192
const length = 24_576
/** No encoder is later than this. */
const most = 4800

/** What encoders of AAC are behind, where it cannot be measured. */
const usual = 1024

/**
 * How many samples late an encoder's sound is heard by who decodes it and counts its frames from the first: what an
 * encoder puts before the sound is nowhere said, and differs between browsers. So a click is encoded, decoded and looked for.
 */
export async function delayOf(config: AudioEncoderConfig, frame: number): Promise<number> {
  const measured = measure(config, frame).catch(() => usual)
  return Promise.race([measured, new Promise<number>((done) => setTimeout(() => done(usual), 3000))])
}

async function measure(config: AudioEncoderConfig, frame: number): Promise<number> {
  let peak = 0
  let at = 0
  const decoder = new AudioDecoder({
    error: () => {},
    output: (heard) => {
      const samples = new Float32Array(heard.numberOfFrames)
      heard.copyTo(samples, { planeIndex: 0, format: 'f32-planar' })
      const from = Math.round((heard.timestamp * soundScale) / 1e6)
      samples.forEach((v, i) => {
        if (Math.abs(v) > peak) {
          peak = Math.abs(v)
          at = from + i
        }
      })
      heard.close()
    },
  })
  let n = 0
  const encoder = new AudioEncoder({
    error: () => {},
    output: (chunk, about) => {
      if (about?.decoderConfig) decoder.configure(about.decoderConfig)
      const data = new Uint8Array(chunk.byteLength)
      chunk.copyTo(data)
      decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: Math.round((n++ * frame * 1e6) / soundScale), data }))
    },
  })
  encoder.configure(config)
  const data = new Float32Array(2 * length)
  data[click] = data[length + click] = 0.9
  const sound = new AudioData({ format: 'f32-planar', sampleRate: soundScale, numberOfFrames: length, numberOfChannels: 2, timestamp: 0, data })
  encoder.encode(sound)
  sound.close()
  await encoder.flush()
  await decoder.flush()
  encoder.close()
  decoder.close()
  const late = at - click
  return peak > 0.02 && late >= 0 && late <= most ? late : usual
}
