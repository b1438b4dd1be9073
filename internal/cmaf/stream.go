package cmaf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrStream is wrapped by what is wrong with a stream itself, as ReadStream reads it.
var ErrStream = errors.New("it is no fragmented MP4 that can be read")

// maxBox bounds a box of a stream: a second of pictures.
const maxBox = 96 << 20

// ReadStream reads fragmented MP4 while somebody writes it: init is handed the header, fragment each fragment as soon
// as its samples are there. Their memory is not used again. An end in the midst of a box is the end: who writes says why.
func ReadStream(from io.Reader, init func(head []byte) error, fragment func(*FragmentInfo) error) error {
	r := bufio.NewReaderSize(from, 1<<16)
	var whole []byte // from the last box on that fragments refer to
	var defaults map[int]Defaults
	var at int64
	for {
		name, box, err := readBox(r, whole)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		whole = box
		switch name {
		case "moov":
			if defaults, err = ReadDefaults(whole); err != nil {
				return fmt.Errorf("%w: %w", ErrStream, err)
			}
			err = init(whole)
		case "mdat":
			err = eachFragment(whole, at, defaults, fragment)
		default:
			continue
		}
		if err != nil {
			return err
		}
		at += int64(len(whole))
		whole = nil
	}
}

func eachFragment(data []byte, at int64, defaults map[int]Defaults, f func(*FragmentInfo) error) error {
	if defaults == nil {
		return fmt.Errorf("%w: media before its header", ErrStream)
	}
	found, err := ReadForeign(data, at, defaults)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStream, err)
	}
	for i := range found {
		if err := f(&found[i]); err != nil {
			return err
		}
	}
	return nil
}

// readBox reads a box and appends it to before.
func readBox(r io.Reader, before []byte) (name string, box []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, io.EOF
	}
	size := int64(binary.BigEndian.Uint32(head[:4]))
	if size < 8 || int64(len(before))+size > maxBox {
		return "", nil, fmt.Errorf("%w: a box of %d bytes", ErrStream, size)
	}
	n := len(before)
	box = append(slices.Grow(before, int(size)), head[:]...)[:n+int(size)]
	if _, err := io.ReadFull(r, box[n+8:]); err != nil {
		return "", nil, io.EOF
	}
	return string(head[4:]), box, nil
}
