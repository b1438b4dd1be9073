package chat

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxFrames is how many batches a line has for who comes back: half a minute of a busy room.
const maxFrames = 300

// maxLag is how many batches a listener may be behind: who comes back has missed so many, and a few come meanwhile.
const maxLag = maxFrames + 50

// frame is a batch as it is sent, the same bytes for everybody.
type frame struct {
	seq   int64
	data  []byte
	next  *frame        // set before ready is closed
	ready chan struct{} // closed when there is a next one
}

// line is the batches of one room for one kind of listener. Listeners walk along it, each in its own time; nobody waits
// for one of them. A place's lock guards it.
type line struct {
	run         string // tells the lines of different nodes and times apart
	first, last *frame
	newest      atomic.Int64

	snapshot   []byte
	snapshotAt int64
}

func newLine() *line {
	f := &frame{ready: make(chan struct{})}
	return &line{run: randomID(), first: f, last: f, snapshotAt: -1}
}

func (l *line) cursor(seq int64) string { return l.run + "." + strconv.FormatInt(seq, 10) }

// tell adds a batch. It is encoded once.
func (l *line) tell(b Batch) {
	if b.empty() {
		return
	}
	f := &frame{seq: l.last.seq + 1, ready: make(chan struct{})}
	b.Cursor = l.cursor(f.seq)
	f.data, _ = json.Marshal(b) // texts and numbers
	l.last.next = f
	close(l.last.ready)
	l.last = f
	l.newest.Store(f.seq)
	for f.seq-l.first.seq > maxFrames {
		l.first = l.first.next
	}
}

// after returns the batch behind which somebody goes on who has had all up to a cursor, or nil if that is not known here.
func (l *line) after(cursor string) *frame {
	run, number, ok := strings.Cut(cursor, ".")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || run != l.run || seq < l.first.seq || seq > l.last.seq {
		return nil
	}
	f := l.first
	for f.seq < seq {
		f = f.next
	}
	return f
}

// enter returns what somebody is told who comes in, and the batch behind which it goes on. Who comes in between two
// batches is told the same.
func (l *line) enter(r *Room, crew bool) ([]byte, *frame) {
	if l.snapshotAt != l.last.seq {
		b := r.Snapshot(crew)
		b.Cursor = l.cursor(l.last.seq)
		l.snapshot, _ = json.Marshal(b)
		l.snapshotAt = l.last.seq
	}
	return l.snapshot, l.last
}
