package push

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// intake reads the body of an upload: it counts and sums what comes, and bounds how long it may be
// silent.
type intake struct {
	body  io.Reader
	alive func() // called for every read that brought something
	quiet func(time.Time) error
	idle  time.Duration
	sum   hash.Hash
	buf   *bufio.Reader
}

func newIntake(w http.ResponseWriter, r *http.Request, idle time.Duration, alive func()) *intake {
	in := &intake{
		body: r.Body, idle: idle, alive: alive, sum: sha256.New(),
		quiet: http.NewResponseController(w).SetReadDeadline,
	}
	in.buf = bufio.NewReaderSize(in, 32<<10)
	return in
}

// Read reads from the body.
func (in *intake) Read(p []byte) (int, error) {
	in.quiet(time.Now().Add(in.idle)) // a server that cannot has no such bound
	n, err := in.body.Read(p)
	if n > 0 {
		in.sum.Write(p[:n])
		in.alive()
	}
	if err != nil {
		in.quiet(time.Time{})
	}
	return n, err
}

// all reads the whole body, and counts it in held until release.
func (in *intake) all(limit, expect int64, held *atomic.Int64) (data []byte, release func(), err error) {
	counted := int64(0)
	release = func() { held.Add(-counted) }
	if expect > limit {
		return nil, release, errTooBig
	}
	var buf bytes.Buffer
	for {
		n, err := io.CopyN(&buf, in.buf, 1<<20)
		counted += n
		held.Add(n)
		switch {
		case int64(buf.Len()) > limit:
			return nil, release, errTooBig
		case errors.Is(err, io.EOF):
			return buf.Bytes(), release, nil
		case err != nil:
			return nil, release, err
		}
	}
}

// digest returns the checksum of what was read; all of it must have been.
func (in *intake) digest() (sum [32]byte) {
	in.sum.Sum(sum[:0])
	return sum
}

// format is what an upload consists of.
type format uint8

const (
	formatEmpty format = iota
	formatMP4
	formatTS
	formatOther
)

// sniff says what the body is, by its first bytes.
func (in *intake) sniff() (format, error) {
	head, err := in.buf.Peek(8)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return formatEmpty, nil
	case len(head) > 0 && head[0] == tsSync:
		return formatTS, nil
	case len(head) == 8:
		for _, c := range head[4:8] {
			if c < ' ' || c > '~' {
				return formatOther, nil
			}
		}
		if head[0] > 3 { // a first box of more than 64 MiB: text, most likely
			return formatOther, nil
		}
		return formatMP4, nil
	case errors.Is(err, io.EOF):
		return formatOther, nil
	}
	return formatOther, err
}
