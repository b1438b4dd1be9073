package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spool keeps segments on disk until they are acknowledged:
//
//	push/{order}-{session}/init.mp4
//	push/{order}-{session}/input       which file it is made of, if it is made of one
//	push/{order}-{session}/{n}.m4s     a segment that is not acknowledged
//	push/{order}-{session}/{n}.done    the newest segment, acknowledged: the next has number n+1
//	push/{order}-{session}/end         nothing follows
//
// A segment is there, whole and synced, or not at all. The directory is locked.
type Spool struct {
	dir   string
	limit int64
	lock  *os.File

	mu       sync.Mutex
	sessions []*Session // oldest first
	total    int64      // bytes of segments
	order    int
	noMore   bool
	changed  chan struct{}
}

// Session is a run of segments of one stream with one init.
type Session struct {
	ID    string
	Init  []byte
	spool *Spool
	dir   string
	input string

	// Under the spool's lock.
	segments map[uint64]kept // not acknowledged
	next     uint64          // number of the next segment
	ended    bool
	resumed  bool
}

// kept is a segment on disk.
type kept struct {
	size int64
	at   time.Time // when it was complete
}

// OpenSpool opens the spool in dir, which is made if need be.
func OpenSpool(dir string, limit int64) (*Spool, error) {
	s := &Spool{dir: filepath.Join(dir, "push"), limit: limit, changed: make(chan struct{})}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool (give another directory with --spool): %w", err)
	}
	var err error
	if s.lock, err = os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("the spool %s belongs to another mayfly push that runs: stop it, or give another directory with --spool", dir)
	}
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		if err == nil && e.IsDir() {
			err = s.load(e.Name())
		}
	}
	if err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("read spool %s: %w", dir, err)
	}
	return s, nil
}

// load reads a session's directory. One without an init never had a segment.
func (s *Spool) load(name string) error {
	order, session, ok := strings.Cut(name, "-")
	n, err := strconv.Atoi(order)
	if !ok || err != nil {
		return nil // not ours
	}
	s.order = max(s.order, n)
	x := &Session{ID: session, spool: s, dir: filepath.Join(s.dir, name), segments: map[uint64]kept{}}
	if x.Init, err = os.ReadFile(filepath.Join(x.dir, "init.mp4")); errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(x.dir)
	} else if err != nil {
		return err
	}
	if input, err := os.ReadFile(filepath.Join(x.dir, "input")); err == nil {
		x.input = string(input)
	}
	files, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		base, ext, _ := strings.Cut(f.Name(), ".")
		number, err := strconv.ParseUint(base, 10, 63)
		switch {
		case f.Name() == "end":
			x.ended = true
		case err == nil && (ext == "m4s" || ext == "done"):
			x.next = max(x.next, number+1)
			if info, err := f.Info(); err == nil && ext == "m4s" {
				x.segments[number] = kept{info.Size(), info.ModTime()}
				s.total += info.Size()
			}
		}
	}
	x.resumed = true
	s.sessions = append(s.sessions, x)
	return nil
}

// Close gives the directory free.
func (s *Spool) Close() error { return s.lock.Close() }

// tell wakes everyone who waits for a change; the lock is held.
func (s *Spool) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed at the next change.
func (s *Spool) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// NoMore says that no session will begin and none will grow any more.
func (s *Spool) NoMore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noMore = true
	s.tell()
}

// Resume returns the session of an earlier run that was made of the same input, or nil.
func (s *Spool) Resume(input string) (x *Session, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		if x.input == input && x.resumed {
			x.resumed = x.ended
			return x, x.ended
		}
	}
	return nil, false
}

// Begin begins a session. input names the file that it is made of, "" if it cannot be read again.
func (s *Spool) Begin(input string, init []byte) (*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var random [10]byte
	rand.Read(random[:])
	s.order++
	x := &Session{ID: hex.EncodeToString(random[:]), Init: init, spool: s, input: input, segments: map[uint64]kept{}}
	x.dir = filepath.Join(s.dir, fmt.Sprintf("%08d-%s", s.order, x.ID))
	if err := os.Mkdir(x.dir, 0o700); err != nil {
		return nil, fmt.Errorf("begin a session in the spool: %w", err)
	}
	if input != "" {
		if err := writeSynced(filepath.Join(x.dir, "input"), []byte(input)); err != nil {
			return nil, err
		}
	}
	if err := writeSynced(filepath.Join(x.dir, "init.mp4"), init); err != nil {
		return nil, err
	}
	if err := syncDir(s.dir); err != nil {
		return nil, err
	}
	s.sessions = append(s.sessions, x)
	s.tell()
	return x, nil
}

// Front returns the oldest session, or nil. more is false if none will come.
func (s *Spool) Front() (x *Session, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) == 0 {
		return nil, !s.noMore
	}
	return s.sessions[0], true
}

// Empty reports whether everything was acknowledged.
func (s *Spool) Empty() bool {
	n, _, _ := s.Waiting()
	return n == 0
}

// Waiting returns how many segments are not acknowledged, their bytes, and when the oldest of them was
// complete.
func (s *Spool) Waiting() (n int, bytes int64, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		n += len(x.segments)
		for _, k := range x.segments {
			if oldest.IsZero() || k.at.Before(oldest) {
				oldest = k.at
			}
		}
	}
	return n, s.total, oldest
}

// Append keeps the next segment. While the spool is full it waits.
func (x *Session) Append(ctx context.Context, data []byte, full func()) error {
	s := x.spool
	s.mu.Lock()
	for s.total > 0 && s.total+int64(len(data)) > s.limit {
		changed := s.changed
		s.mu.Unlock()
		full()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
	}
	number := x.next
	s.mu.Unlock()
	if err := writeSynced(x.path(number, "m4s"), data); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x.segments[number] = kept{int64(len(data)), time.Now()}
	x.next++
	s.total += int64(len(data))
	s.tell()
	return nil
}

// End says that nothing follows.
func (x *Session) End() error {
	if err := writeSynced(filepath.Join(x.dir, "end"), nil); err != nil {
		return err
	}
	x.spool.mu.Lock()
	defer x.spool.mu.Unlock()
	x.ended = true
	x.spool.tell()
	return nil
}

// Next returns the number of the next segment to be appended.
func (x *Session) Next() uint64 {
	x.spool.mu.Lock()
	defer x.spool.mu.Unlock()
	return x.next
}

// From returns the lowest number from n on that is not acknowledged and is there. ended is true if
// nothing else will come.
func (x *Session) From(n uint64) (number uint64, found, ended bool) {
	s := x.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	for number = n; number < x.next; number++ {
		if _, ok := x.segments[number]; ok {
			return number, true, false
		}
	}
	return n, false, x.ended || x.resumed || s.noMore
}

// Oldest returns the lowest number that is not acknowledged: nothing below it will be sent.
func (x *Session) Oldest() uint64 {
	if n, found, _ := x.From(0); found {
		return n
	}
	return x.Next()
}

// Segment reads a segment.
func (x *Session) Segment(n uint64) ([]byte, error) {
	data, err := os.ReadFile(x.path(n, "m4s"))
	if err != nil {
		return nil, fmt.Errorf("read from the spool: %w", err)
	}
	return data, nil
}

// Acked lets a segment go. The newest number stays known.
func (x *Session) Acked(n uint64) error {
	s := x.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := x.segments[n]
	if !ok {
		return nil
	}
	if n+1 == x.next {
		if err := os.WriteFile(x.path(n, "done"), nil, 0o600); err != nil {
			return fmt.Errorf("note in the spool: %w", err)
		}
	}
	if err := os.Remove(x.path(n, "m4s")); err != nil {
		return fmt.Errorf("remove from the spool: %w", err)
	}
	if n > 0 {
		os.Remove(x.path(n-1, "done")) // left behind if this fails: harmless
	}
	delete(x.segments, n)
	s.total -= k.size
	s.tell()
	return nil
}

// Remove forgets a session of which everything is acknowledged. If it was made of a file that was not
// read to its end, it stays on disk, so that another run goes on there.
func (x *Session) Remove() error {
	s := x.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = slices.DeleteFunc(s.sessions, func(o *Session) bool { return o == x })
	s.tell()
	if x.input != "" && !x.ended && !x.resumed {
		return nil
	}
	if err := os.RemoveAll(x.dir); err != nil {
		return fmt.Errorf("remove from the spool: %w", err)
	}
	return nil
}

func (x *Session) path(n uint64, ext string) string {
	return filepath.Join(x.dir, fmt.Sprintf("%010d.%s", n, ext))
}

// writeSynced writes a file so that it is there whole or not at all, even after a loss of power.
func writeSynced(path string, data []byte) error {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write to the spool (is the disk full?): %w", err)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync the spool: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync the spool: %w", err)
	}
	return nil
}
