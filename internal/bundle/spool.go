package bundle

import (
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

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// ErrSpoolFull is returned when the spool has reached its bound.
var ErrSpoolFull = errors.New("the spool is full")

// Spool is a directory on local disk that keeps bundles the bucket does not have, so that they
// survive the death of the process (and, synced, of the machine). It also keeps, for a while, those
// the bucket has, so that what is listed can be read while the bucket is away.
//
// It belongs to one node at a time: the directory is locked, and the node's name is kept in it.
type Spool struct {
	dir  string
	cfg  SpoolConfig
	lock *os.File

	mu    sync.Mutex
	files map[spoolKey]*spoolFile
	total int64 // bytes of all files
	only  int64 // bytes of files that the bucket does not have
	node  string

	running string // the incarnation whose journal is open
}

// SpoolConfig says how a spool works.
type SpoolConfig struct {
	MaxBytes int64         // bound of what the bucket does not have; default 10 GiB
	Keep     time.Duration // how long a bundle is kept after the bucket has it; 0: not at all
	KeepMax  int64         // bound of what is kept so; default 1 GiB
}

type spoolKey struct {
	incarnation string
	sequence    uint64
}

type spoolFile struct {
	size   int64
	landed time.Time // zero: the bucket does not have it
}

const defaultSpoolBytes = 10 << 30

// OpenSpool opens the spool in dir for the node of that name. An empty name takes the one kept in the
// directory, or makes one with newName. It fails if another process has the directory.
func OpenSpool(dir, node string, newName func() string, cfg SpoolConfig) (*Spool, error) {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = defaultSpoolBytes
	}
	if cfg.KeepMax <= 0 {
		cfg.KeepMax = 1 << 30
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open spool (give a directory that can be written with --spool): %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{dir: dir, cfg: cfg, lock: lock, files: map[spoolKey]*spoolFile{}}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open spool %s: another Mayfly node uses it; stop that, or give this one a spool of its own with --spool", dir)
	}
	err = s.name(node, newName)
	if err == nil {
		err = s.scan()
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	return s, nil
}

// name settles the node's name.
func (s *Spool) name(node string, newName func() string) error {
	path := filepath.Join(s.dir, "node")
	kept, err := os.ReadFile(path)
	if err == nil && len(kept) > 0 {
		s.node = strings.TrimSpace(string(kept))
		if node != "" && node != s.node {
			return fmt.Errorf("it belongs to node %s, not %s", s.node, node)
		}
		return nil
	}
	if s.node = node; s.node == "" {
		s.node = newName()
	}
	return os.WriteFile(path, []byte(s.node+"\n"), 0o640)
}

// scan finds what earlier incarnations left.
func (s *Spool) scan() error {
	return filepath.WalkDir(filepath.Join(s.dir, "bundles"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		sequence, err := strconv.ParseUint(d.Name(), 16, 64)
		if err != nil || len(d.Name()) != 16 {
			return os.Remove(path) // a temporary file of a writer that died
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s.files[spoolKey{filepath.Base(filepath.Dir(path)), sequence}] = &spoolFile{size: info.Size()}
		s.total += info.Size()
		s.only += info.Size()
		return nil
	})
}

// Node returns the node's name.
func (s *Spool) Node() string { return s.node }

// Keeps reports that bundles are kept after the bucket has them.
func (s *Spool) Keeps() bool { return s.cfg.Keep > 0 }

// Backlog returns how many bytes only the spool has.
func (s *Spool) Backlog() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.only
}

func (s *Spool) path(k spoolKey) string {
	return filepath.Join(s.dir, "bundles", k.incarnation, fmt.Sprintf("%016x", k.sequence))
}

// Write keeps a bundle. With sync it is on disk when Write returns. A bundle that is there already
// is only synced.
func (s *Spool) Write(i *Incarnation, sequence uint64, body bucket.Body, sync bool) error {
	k := spoolKey{i.ID, sequence}
	s.mu.Lock()
	have := s.files[k] != nil
	full := !have && s.only+body.Len() > s.cfg.MaxBytes
	s.mu.Unlock()
	if full {
		return fmt.Errorf("keep bundle %d: %w (%d bytes)", sequence, ErrSpoolFull, s.cfg.MaxBytes)
	}
	path := s.path(k)
	if have {
		if !sync {
			return nil
		}
		if err := syncFile(path); err != nil {
			return err
		}
		return s.syncDirs(path)
	}
	if err := writeFile(path, body, sync); err != nil {
		return fmt.Errorf("keep bundle %d in the spool: %w", sequence, err)
	}
	if sync {
		if err := s.syncDirs(path); err != nil {
			return fmt.Errorf("keep bundle %d in the spool: %w", sequence, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[k] = &spoolFile{size: body.Len()}
	s.total += body.Len()
	s.only += body.Len()
	return nil
}

// syncDirs makes sure that a file can be found again: it syncs the directories above it up to the spool's.
func (s *Spool) syncDirs(path string) error {
	for dir := filepath.Dir(path); len(dir) >= len(s.dir); dir = filepath.Dir(dir) {
		if err := syncFile(dir); err != nil {
			return err
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func writeFile(path string, body bucket.Body, sync bool) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	for _, b := range body {
		if _, err = f.Write(b); err != nil {
			break
		}
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		os.Remove(path + ".new")
		return err
	}
	return nil
}

// Read returns a whole bundle, or fs.ErrNotExist.
func (s *Spool) Read(i *Incarnation, sequence uint64) ([]byte, error) {
	return os.ReadFile(s.path(spoolKey{i.ID, sequence}))
}

// ReadAt returns a stretch of a bundle; ok is false if the spool does not have it. A bundle of an earlier
// incarnation counts when the bucket has it, or has it from here (Resume): there may be a fence under its
// number, with other bytes.
func (s *Spool) ReadAt(r Ref) (_ []byte, ok bool) { return s.read(r, false) }

// ReadLanded returns a stretch of a bundle that the bucket has too: what may be read in its place after
// others have ended the incarnation.
func (s *Spool) ReadLanded(r Ref) (_ []byte, ok bool) { return s.read(r, true) }

func (s *Spool) read(r Ref, landed bool) (_ []byte, ok bool) {
	k := spoolKey{r.Incarnation.ID, r.Sequence}
	s.mu.Lock()
	file := s.files[k]
	have := file != nil && (!file.landed.IsZero() || !landed && k.incarnation == s.running)
	s.mu.Unlock()
	if !have {
		return nil, false
	}
	f, err := os.Open(s.path(k))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	b := make([]byte, r.Length)
	if _, err := f.ReadAt(b, int64(r.Offset)); err != nil {
		return nil, false
	}
	return b, true
}

// Landed notes that the bucket has a bundle, and lets go what need not be kept any more.
func (s *Spool) Landed(i *Incarnation, sequence uint64) {
	now := time.Now()
	s.mu.Lock()
	if f := s.files[spoolKey{i.ID, sequence}]; f != nil && f.landed.IsZero() {
		f.landed = now
		s.only -= f.size
	}
	var old []spoolKey
	for k, f := range s.files {
		if !f.landed.IsZero() && (now.Sub(f.landed) >= s.cfg.Keep || s.total-s.only > s.cfg.KeepMax) {
			old = append(old, k)
			s.total -= f.size
			delete(s.files, k)
		}
	}
	s.mu.Unlock()
	for _, k := range old {
		os.Remove(s.path(k))
	}
}

// Left lists the bundles that earlier incarnations left, which the bucket may not have: the numbers
// of each incarnation, in order.
func (s *Spool) Left() map[string][]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := map[string][]uint64{}
	for k, f := range s.files {
		if f.landed.IsZero() {
			left[k.incarnation] = append(left[k.incarnation], k.sequence)
		}
	}
	for _, numbers := range left {
		slices.Sort(numbers)
	}
	return left
}

// Drop removes a bundle that does not count: its number is another's.
func (s *Spool) Drop(i *Incarnation, sequence uint64) {
	k := spoolKey{i.ID, sequence}
	s.mu.Lock()
	if f := s.files[k]; f != nil {
		s.total -= f.size
		if f.landed.IsZero() {
			s.only -= f.size
		}
		delete(s.files, k)
	}
	s.mu.Unlock()
	os.Remove(s.path(k))
}

// SetAside moves a bundle that cannot be read out of the way, for a person to look at.
func (s *Spool) SetAside(incarnation string, sequence uint64) error {
	k := spoolKey{incarnation, sequence}
	s.mu.Lock()
	if f := s.files[k]; f != nil {
		s.total -= f.size
		s.only -= f.size
		delete(s.files, k)
	}
	s.mu.Unlock()
	dir := filepath.Join(s.dir, "corrupt")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return os.Rename(s.path(k), filepath.Join(dir, fmt.Sprintf("%s-%016x", incarnation, sequence)))
}

// Close gives the directory free.
func (s *Spool) Close() error { return s.lock.Close() }
