import { Problem } from '../people/api'

/** As large as the server keeps them: more would only be sent in vain. */
const most = { logo: [512, 512], picture: [1920, 1080], graphic: [960, 960], emote: [128, 128] } as const

/** The size of an image that fits within the other, in its own proportions and never larger than it is. */
export function within(width: number, height: number, [w, h]: readonly [number, number]): [number, number] {
  const scale = Math.min(1, w / width, h / height)
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))]
}

/** Draws an image upright and not larger than it is kept, so that a photo of many megabytes is sent in a moment. */
export async function shrunk(file: File, kind: keyof typeof most): Promise<Blob> {
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(file)
  } catch {
    throw new Problem(422, 'This file cannot be read as an image: use a PNG, JPEG or WebP file.')
  }
  const canvas = document.createElement('canvas')
  const size = within(bitmap.width, bitmap.height, most[kind])
  ;[canvas.width, canvas.height] = size
  const pen = canvas.getContext('2d')
  if (pen === null) return file
  pen.imageSmoothingQuality = 'high'
  pen.drawImage(bitmap, 0, 0, ...size)
  bitmap.close()
  const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, kind === 'logo' || kind === 'emote' || (kind === 'graphic' && file.type !== 'image/jpeg') ? 'image/png' : 'image/jpeg', 0.93))
  return made ?? file
}
