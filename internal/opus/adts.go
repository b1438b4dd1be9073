package opus

import "fmt"

const (
	adtsHeader = 7
	adtsCheck  = 2 // more with a checksum
	rateIndex  = 3 // 48,000 Hz
)

// readADTS splits a stream of AAC-LC, 48 kHz, into its raw frames, which share memory with it.
func readADTS(data []byte) (frames [][]byte, err error) {
	for at := 0; at < len(data); {
		b := data[at:]
		if len(b) < adtsHeader || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
			return frames, fmt.Errorf("no frame of AAC at byte %d", at)
		}
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		head := adtsHeader
		if b[1]&1 == 0 {
			head += adtsCheck
		}
		switch {
		case size <= head || size > len(b):
			return frames, fmt.Errorf("a frame of AAC of %d bytes at byte %d of %d", size, at, len(data))
		case b[2]>>6 != 1 || b[2]>>2&15 != rateIndex || b[6]&3 != 0:
			return frames, fmt.Errorf("a frame of AAC that is not one of LC at %d Hz", Rate)
		}
		frames = append(frames, b[head:size:size])
		at += size
	}
	return frames, nil
}
