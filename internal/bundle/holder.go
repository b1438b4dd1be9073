package bundle

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// ErrNotNamed is returned to a witness whose word is not needed: the writer went on without it.
var ErrNotNamed = errors.New("the newest bundle does not name this witness")

// ErrTestified is returned to a writer whose incarnation this witness has helped to end.
var ErrTestified = errors.New("this witness has helped to end that incarnation")

const (
	// closedFile says that the holder accepts nothing more, also after a restart.
	closedFile = "closed"
	// fedFile says under which boot of the machine the writer has sent something. A witness without it has
	// lost its spool, and what was never synced may be gone with another boot.
	fedFile = "fed"
)

// maxHeld bounds what a witness holds of one incarnation.
const maxHeld = 4 << 30

// Holder is what this node holds as the witness of an incarnation of another node: the records that
// are in no bundle yet. It lies in the spool, unsynced: it outlives this process, and a machine that
// dies is one witness less.
type Holder struct {
	incarnation Incarnation
	dir         string

	mu       sync.Mutex
	lines    uint64
	fed      bool      // the writer sent something, if only to an earlier run of this process
	caughtUp bool      // this run has everything that there was when the newest connection began
	outlived bool      // the writer went on without this witness
	heard    time.Time // when the newest frame came
	bytes    int64
	sizes    map[uint64]int64
	closed   bool
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Hold returns the holder of an incarnation, with what an earlier run of this process has left in it.
func (s *Spool) Hold(i Incarnation) (*Holder, error) {
	if !plainName.MatchString(i.Node) || !plainName.MatchString(i.ID) {
		return nil, fmt.Errorf("hold for %.200q: not the name of an incarnation", i.String())
	}
	h := &Holder{incarnation: i, dir: filepath.Join(s.dir, "witness", i.Node, i.ID), sizes: map[uint64]int64{}}
	if err := os.MkdirAll(h.dir, 0o750); err != nil {
		return nil, fmt.Errorf("hold for %s: %w", i, err)
	}
	files, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, fmt.Errorf("hold for %s: %w", i, err)
	}
	for _, f := range files {
		h.closed = h.closed || f.Name() == closedFile
		if f.Name() == fedFile {
			boot, err := os.ReadFile(filepath.Join(h.dir, fedFile))
			h.fed = err == nil && string(boot) == bootID()
		}
		n, err := strconv.ParseUint(f.Name(), 16, 64)
		info, infoErr := f.Info()
		if err != nil || infoErr != nil || len(f.Name()) != 16 {
			continue
		}
		h.sizes[n] = info.Size()
		h.bytes += info.Size()
	}
	return h, nil
}

// Held lists the incarnations that an earlier run of this process witnessed.
func (s *Spool) Held() []Incarnation {
	var out []Incarnation
	paths, _ := filepath.Glob(filepath.Join(s.dir, "witness", "*", "*"))
	for _, p := range paths {
		out = append(out, Incarnation{Node: filepath.Base(filepath.Dir(p)), ID: filepath.Base(p)})
	}
	return out
}

func (h *Holder) path(sequence uint64) string {
	return filepath.Join(h.dir, fmt.Sprintf("%016x", sequence))
}

// Add takes a frame, and returns how many lines are held now.
func (h *Holder) Add(frame Frame) (lines uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = time.Now()
	switch {
	case h.closed:
		return 0, fmt.Errorf("witness of %s: %w", h.incarnation, ErrTestified)
	case frame.Landed:
		h.caughtUp, h.outlived = true, false // the first such frame comes behind all that there was
		return h.lines, h.drop(frame.Sequence)
	case frame.Lines <= h.lines && frame.Lines > 0:
		return h.lines, nil // of an earlier connection
	}
	err = h.feed()
	if err == nil {
		err = h.write(frame)
	}
	if err != nil {
		return 0, fmt.Errorf("witness of %s: %w", h.incarnation, err)
	}
	h.lines = frame.Lines
	return h.lines, nil
}

// feed notes that the writer has sent something.
func (h *Holder) feed() error {
	if h.fed {
		return nil
	}
	err := os.WriteFile(filepath.Join(h.dir, fedFile), []byte(bootID()), 0o640)
	h.fed = err == nil
	return err
}

func (h *Holder) write(frame Frame) error {
	size := 4 + frame.Body.Len()
	if h.bytes+size > maxHeld {
		return fmt.Errorf("%d bytes are held: %w", h.bytes, ErrSpoolFull)
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, size), uint32(size-4))
	for _, s := range frame.Body {
		b = append(b, s...)
	}
	path := h.path(frame.Sequence)
	if frame.Whole {
		if err := os.WriteFile(path+".new", b, 0o640); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
		h.bytes -= h.sizes[frame.Sequence]
		h.sizes[frame.Sequence] = 0
	} else if err := appendFile(path, b); err != nil {
		return err
	}
	h.sizes[frame.Sequence] += size
	h.bytes += size
	return nil
}

func appendFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// drop lets go what is in the bucket.
func (h *Holder) drop(below uint64) error {
	for n, size := range h.sizes {
		if n >= below {
			continue
		}
		if err := os.Remove(h.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		h.bytes -= size
		delete(h.sizes, n)
	}
	return nil
}

// Close makes the holder accept nothing more, and returns how many lines it holds. Who asks a witness
// for its word closes it first: what the writer appends from then on is not safe.
func (h *Holder) Close() (lines uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.close()
	return h.lines
}

// close closes the holder; the lock is held. If that cannot be kept on disk, this process still keeps it.
func (h *Holder) close() {
	if !h.closed {
		h.closed = true
		os.WriteFile(filepath.Join(h.dir, closedFile), nil, 0o640)
	}
}

// Alone reports whether this witness can give an exact word without the others: it has everything that it
// was ever sent, and was sent everything to the end as far as it knows.
func (h *Holder) Alone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.caughtUp && !h.outlived
}

// Heard returns when this run last got something from the writer.
func (h *Holder) Heard() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard
}

// Blank reports whether this witness was never sent anything, or has lost it with its spool: its word is
// worth nothing.
func (h *Holder) Blank() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.fed
}

// Outlived notes that the writer went on without this witness.
func (h *Holder) Outlived() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outlived = true
}

// Ended reports whether the holder accepts nothing more.
func (h *Holder) Ended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Bytes returns how much is held.
func (h *Holder) Bytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
}

// Incarnation returns whose records are held.
func (h *Holder) Incarnation() Incarnation { return h.incarnation }

// Testify ends the incarnation with what is held: it becomes the fence's records. Bundles of the
// incarnation that landed meanwhile count as they are. The holder must be closed. If the newest of them
// names others instead of this witness it is ErrNotNamed: they hold more.
func (h *Holder) Testify(ctx context.Context, b bucket.Bucket, by string) error {
	for range fenceTries {
		at, err := head(ctx, b, h.incarnation)
		if err != nil || at.fenced {
			return wrapTestimony(h.incarnation, err)
		}
		if len(at.names) > 0 && !slices.Contains(at.names, by) {
			return wrapTestimony(h.incarnation, ErrNotNamed)
		}
		body, fence, err := h.testimony(at, by)
		if err != nil {
			return wrapTestimony(h.incarnation, err)
		}
		_, err = b.PutIfAbsent(ctx, h.incarnation.Key(at.next), body)
		if err == nil && fence {
			return nil
		}
		if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
			return wrapTestimony(h.incarnation, err)
		}
	}
	return wrapTestimony(h.incarnation, fmt.Errorf("others were quicker %d times: %w", fenceTries, bucket.ErrUnavailable))
}

func wrapTestimony(i Incarnation, err error) error {
	if err != nil {
		return fmt.Errorf("testify for %s: %w", i, err)
	}
	return nil
}

// testimonySize is how much one testimony holds; more is written as the bundles that it was to be.
var testimonySize int64 = 64 << 20

// testimony makes the next bundle of what is held from a number on: all of it as a fence, or, if that
// is too much, that one bundle. A bundle whose successor is held is whole. It names the witnesses that
// the one before it does: should this witness die too, they are asked.
func (h *Holder) testimony(at bundleHead, by string) (_ bucket.Body, fence bool, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var numbers []uint64
	var total int64
	for n, size := range h.sizes {
		if n >= at.next {
			numbers = append(numbers, n)
			total += size
		}
	}
	slices.Sort(numbers)
	x := Index{Fence: by}
	if fence = total <= testimonySize || len(numbers) == 1; !fence {
		// Under its own number, as the writer would: one of its writes may still be under way.
		x = Index{Witnesses: at.names}
		numbers = slices.DeleteFunc(numbers, func(n uint64) bool { return n != at.next })
	}
	var items []Item
	for _, n := range numbers {
		data, err := os.ReadFile(h.path(n))
		if err != nil {
			return nil, false, err
		}
		items = append(items, readJournal(data)...)
	}
	body, _, err := encode(byTake(items), x)
	return body, fence, err
}

// byTake brings the items of each take together, in order.
func byTake(items []Item) []Item {
	order := map[[16]byte]int{}
	for i := range items {
		if _, ok := order[items[i].Record.Take]; !ok {
			order[items[i].Record.Take] = len(order)
		}
	}
	slices.SortStableFunc(items, func(a, b Item) int { return order[a.Record.Take] - order[b.Record.Take] })
	return items
}

// Items returns everything that is held, in the order of its coming, with the bytes of the parts.
func (h *Holder) Items() ([]Item, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var items []Item
	for _, n := range slices.Sorted(maps.Keys(h.sizes)) {
		data, err := os.ReadFile(h.path(n))
		if err != nil {
			return nil, fmt.Errorf("read what is held of %s: %w", h.incarnation, err)
		}
		items = append(items, readJournal(data)...)
	}
	return items, nil
}

// Forget removes what was held; the incarnation is sealed. That it was stays known for a day, so that a
// writer that slept finds no witness.
func (h *Holder) Forget() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.close()
	var all error
	for n := range h.sizes {
		all = errors.Join(all, os.Remove(h.path(n)))
	}
	h.sizes, h.bytes = map[uint64]int64{}, 0
	return all
}

// Clear removes the last trace of an incarnation that was closed over a day ago, and says whether it did.
func (h *Holder) Clear(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	info, err := os.Stat(filepath.Join(h.dir, closedFile))
	if err != nil || now.Sub(info.ModTime()) < 24*time.Hour || len(h.sizes) > 0 {
		return false
	}
	os.RemoveAll(h.dir)
	os.Remove(filepath.Dir(h.dir)) // if it is empty
	return true
}
