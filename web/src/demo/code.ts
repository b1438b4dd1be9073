/**
 * The number of a picture, as the demonstration draws it into each: a row of 24 squares at the lower edge. The first
 * is white, 20 bits of the number follow, most significant first, then 3 bits of the number modulo 7.
 */
export const squares = 24
/** In a picture 1280 wide: where the row lies, and how large it is. */
export const row = { x: 160, y: 704, width: 960, height: 16 }
/** Numbers begin anew here: after nine hours and more. */
export const wrap = 1 << 20

/** Reads the number out of the brightness of each square's middle (0 to 255); null when that is no number. */
export function decode(light: ArrayLike<number>): number | null {
  if (light.length !== squares || !(light[0]! > 127)) return null
  const bits = (from: number, to: number): number => {
    let v = 0
    for (let i = from; i < to; i++) v = v * 2 + (light[i]! > 127 ? 1 : 0)
    return v
  }
  const number = bits(1, 21)
  return number % 7 === bits(21, 24) ? number : null
}

/** Reads numbers out of a video. */
export class Reader {
  private readonly canvas = document.createElement('canvas')
  private readonly pen = this.canvas.getContext('2d', { willReadFrequently: true })
  private readonly light = new Uint8Array(squares)

  constructor() {
    this.canvas.width = squares * 10
    this.canvas.height = 4
  }

  read(video: HTMLVideoElement): number | null {
    if (this.pen === null || video.videoWidth === 0) return null
    const u = video.videoWidth / 1280
    try {
      this.pen.drawImage(video, row.x * u, row.y * u, row.width * u, row.height * u, 0, 0, squares * 10, 4)
      const data = this.pen.getImageData(0, 2, squares * 10, 1).data
      for (let i = 0; i < squares; i++) this.light[i] = data[(i * 10 + 5) * 4 + 1]!
    } catch {
      return null // a picture that may not be read; the other counters go on
    }
    return decode(this.light)
  }
}
