package aac

// bits reads bits, the highest of a byte first. Behind the end they are 0, and over is true.
type bits struct {
	data []byte
	at   int
	over bool
}

func (b *bits) read(n int) (v int) {
	for range n {
		v = v<<1 | b.bit()
	}
	return v
}

func (b *bits) bit() int {
	i := b.at >> 3
	if i >= len(b.data) {
		b.over = true
		return 0
	}
	v := int(b.data[i]>>(7-b.at&7)) & 1
	b.at++
	return v
}

func (b *bits) skip(n int) {
	if n > 8*len(b.data)-b.at {
		b.over = true
		return
	}
	b.at += n
}

// align goes on to the next byte.
func (b *bits) align() { b.at = (b.at + 7) &^ 7 }
