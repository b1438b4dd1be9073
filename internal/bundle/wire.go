package bundle

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// The form of a frame on its way to a witness: flags (1 byte), then as unsigned varints the sequence,
// the lines and the length of the body, and then the body, which is a bundle. Only a frame that says what
// landed has none.
const (
	frameLanded = 1
	frameWhole  = 2
)

// WriteFrame writes a frame.
func WriteFrame(w io.Writer, f Frame) error {
	flags := byte(0)
	if f.Landed {
		flags |= frameLanded
	}
	if f.Whole {
		flags |= frameWhole
	}
	b := append(make([]byte, 0, 32), flags)
	b = binary.AppendUvarint(b, f.Sequence)
	b = binary.AppendUvarint(b, f.Lines)
	b = binary.AppendUvarint(b, uint64(f.Body.Len()))
	if _, err := w.Write(b); err != nil {
		return err
	}
	for _, s := range f.Body {
		if _, err := w.Write(s); err != nil {
			return err
		}
	}
	return nil
}

// ReadFrame reads a frame; io.EOF says that none follows.
func ReadFrame(r *bufio.Reader) (f Frame, err error) {
	flags, err := r.ReadByte()
	if err != nil {
		return f, err
	}
	if flags&^(frameLanded|frameWhole) != 0 {
		return f, corrupt("witness frame: unknown flags %#x", flags)
	}
	f.Landed, f.Whole = flags&frameLanded != 0, flags&frameWhole != 0
	var n uint64
	for _, v := range []*uint64{&f.Sequence, &f.Lines, &n} {
		if *v, err = binary.ReadUvarint(r); err != nil {
			return f, fmt.Errorf("witness frame: %w", noEOF(err))
		}
	}
	if n > maxPartBytes+maxIndex || f.Sequence == math.MaxUint64 {
		return f, corrupt("witness frame: body of %d bytes, at most %d are allowed", n, maxPartBytes+maxIndex)
	}
	if f.Landed != (n == 0) {
		return f, corrupt("witness frame: landed %v, with a body of %d bytes", f.Landed, n)
	}
	data, err := readAll(r, n)
	if err != nil {
		return f, fmt.Errorf("witness frame: %w", noEOF(err))
	}
	if n > 0 {
		x, need, err := DecodeIndex(data)
		if err == nil && (need > 0 || damaged(data, x) != nil) {
			err = corrupt("bundle of %d bytes", n)
		}
		if err != nil {
			return f, fmt.Errorf("witness frame: %w", err)
		}
		f.Body = bucket.Bytes(data)
	}
	return f, nil
}

// readAll reads n bytes without believing n before they have come.
func readAll(r io.Reader, n uint64) ([]byte, error) {
	const believed = 1 << 20
	if n <= believed {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && uint64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
