package push

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

const (
	maxMoov = 1 << 20
	maxMoof = 8 << 20 // 65,536 samples of 16 bytes, eight times over
	// maxSteps bounds the boxes between two fragments, so that an upload of empty boxes ends.
	maxSteps = 1000
)

// boxReader splits an upload of fragmented MP4 into inits and fragments as it arrives (ISO/IEC
// 14496-12, 4.2). It holds one fragment at a time, and no more of it than has arrived.
type boxReader struct {
	r   *bufio.Reader
	at  int64 // bytes read so far
	max int64 // of a fragment
}

// chunk is an init (a moov) or a fragment (a moof and its mdat).
type chunk struct {
	init, fragment []byte
	at             int64 // where it begins in the upload
}

// next returns the next chunk; io.EOF comes only between boxes.
func (b *boxReader) next() (chunk, error) {
	var buf bytes.Buffer // from the moof on
	begin := int64(0)
	for range maxSteps {
		start := b.at
		head, size, err := b.header()
		if err != nil {
			if err == io.EOF && buf.Len() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return chunk{}, err
		}
		name := string(head[4:8])
		switch {
		case name == "moov":
			buf.Reset()
			if err := b.take(&buf, head, size, maxMoov); err != nil {
				return chunk{}, err
			}
			return chunk{init: buf.Bytes(), at: start}, nil
		case name == "moof" && buf.Len() == 0:
			begin = start
			err = b.take(&buf, head, size, maxMoof)
		case name == "moof":
			return chunk{}, broken("two moof boxes without an mdat between them")
		case name == "mdat" && buf.Len() == 0:
			return chunk{}, broken("an mdat without a moof: send fragmented MP4 (ffmpeg: -movflags cmaf)")
		case name == "mdat":
			if err := b.take(&buf, head, size, b.max); err != nil {
				return chunk{}, err
			}
			return chunk{fragment: buf.Bytes(), at: begin}, nil
		case buf.Len() > 0: // offsets count over it
			err = b.take(&buf, head, size, maxMoof)
		default:
			err = b.pass(size - int64(len(head)))
		}
		if err != nil {
			return chunk{}, err
		}
	}
	return chunk{}, broken("%d boxes without media", maxSteps)
}

// header reads a box's header; size counts it, and is -1 for a box that reaches to the end.
func (b *boxReader) header() (head []byte, size int64, err error) {
	head = make([]byte, 8, 16)
	if n, err := io.ReadFull(b.r, head); err != nil {
		b.at += int64(n)
		return nil, 0, err
	}
	size = int64(binary.BigEndian.Uint32(head))
	if size == 1 {
		head = head[:16]
		if _, err := io.ReadFull(b.r, head[8:]); err != nil {
			return nil, 0, unexpected(err)
		}
		size = int64(binary.BigEndian.Uint64(head[8:]))
	} else if size == 0 {
		size = -1
	}
	b.at += int64(len(head))
	for _, c := range head[4:8] {
		if c < ' ' || c > '~' {
			return nil, 0, broken("byte %d is not the beginning of an MP4 box", b.at-int64(len(head)))
		}
	}
	if size != -1 && size < int64(len(head)) {
		return nil, 0, broken("box %q says it has %d bytes", head[4:8], size)
	}
	return head, size, nil
}

// take appends the box to buf.
func (b *boxReader) take(buf *bytes.Buffer, head []byte, size, limit int64) error {
	if size > limit {
		return errTooBig
	}
	buf.Write(head)
	want, bound := size-int64(len(head)), size-int64(len(head))
	if size == -1 {
		bound = limit + 1
	}
	n, err := io.CopyN(buf, b.r, bound)
	b.at += n
	switch {
	case size == -1 && err == nil:
		return errTooBig
	case size == -1 && err == io.EOF:
		return nil
	case n < want || err != nil:
		return unexpected(err)
	}
	return nil
}

// pass leaves out n bytes, or all that follows.
func (b *boxReader) pass(n int64) error {
	if n < 0 {
		m, err := io.Copy(io.Discard, io.LimitReader(b.r, b.max))
		b.at += m
		return err
	}
	if n > b.max {
		return errTooBig
	}
	m, err := io.CopyN(io.Discard, b.r, n)
	b.at += m
	return unexpected(err)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
