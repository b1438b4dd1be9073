// Runs on the browser's thread for sound: hands on what is heard, in blocks, with the number of the first sample.
const block = 960

class Tap extends AudioWorkletProcessor {
  constructor() {
    super()
    this.data = new Float32Array(2 * block)
    this.have = 0
    this.from = 0
  }

  process(inputs) {
    const heard = inputs[0]
    const length = heard.length > 0 ? heard[0].length : 128
    for (let i = 0; i < length; i++) {
      if (this.have === 0) this.from = currentFrame + i
      this.data[this.have] = heard.length > 0 ? heard[0][i] : 0
      this.data[block + this.have] = heard.length > 1 ? heard[1][i] : this.data[this.have]
      if (++this.have === block) {
        this.port.postMessage({ from: this.from, data: this.data }, [this.data.buffer])
        this.data = new Float32Array(2 * block)
        this.have = 0
      }
    }
    return true
  }
}

registerProcessor('tap', Tap)
