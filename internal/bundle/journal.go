package bundle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Journal keeps what has not become a bundle in the bucket yet: every record is appended to a file
// of the spool before anybody can see it. It is not synced, so it survives the death of the process
// but not that of the machine: a process that starts again with its spool loses nothing, and knows
// that nothing was listed beyond.
//
// There is a file for each bundle in the making or on its way; it goes when the bundle is safe.
type Journal struct {
	dir         string
	log         *slog.Logger
	spool       *Spool
	incarnation string

	mu     sync.Mutex
	next   uint64 // number of the bundle that is being gathered
	file   *os.File
	buffer []byte
	broken bool
}

// bootFile says under which boot of the machine a journal was written. Without it, or after another
// boot, its end may be missing.
const bootFile = "boot"

// bootID names the running of this machine; "" where it cannot be known.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (s *Spool) journalDir(incarnation string) string {
	return filepath.Join(s.dir, "journal", incarnation)
}

// OpenJournal begins the journal of an incarnation.
func (s *Spool) OpenJournal(i *Incarnation, log *slog.Logger) (*Journal, error) {
	s.mu.Lock()
	s.running = i.ID
	s.mu.Unlock()
	j := &Journal{dir: s.journalDir(i.ID), log: log, spool: s, incarnation: i.ID}
	if err := os.MkdirAll(j.dir, 0o750); err != nil {
		return nil, fmt.Errorf("begin journal: %w", err)
	}
	if err := os.WriteFile(filepath.Join(j.dir, bootFile), []byte(bootID()), 0o640); err != nil {
		return nil, fmt.Errorf("begin journal: %w", err)
	}
	return j, nil
}

func (j *Journal) path(sequence uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%016x", sequence))
}

// append keeps records that are gathered for the next bundle. A journal that cannot be written says
// so once and is then worth no more than the machine's bundles.
func (j *Journal) append(frame bucket.Body) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken {
		return
	}
	if err := j.write(frame); err != nil {
		j.broken = true
		j.log.Error("the journal in the spool cannot be written: what is not in a bundle yet would be lost with this process", "error", err)
		os.Remove(filepath.Join(j.dir, bootFile))
	}
}

// write appends a frame: its length, and a bundle of some records alone.
func (j *Journal) write(body bucket.Body) (err error) {
	if j.file == nil {
		if j.file, err = os.OpenFile(j.path(j.next), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640); err != nil {
			return err
		}
	}
	j.buffer = binary.LittleEndian.AppendUint32(j.buffer[:0], uint32(body.Len()))
	for _, b := range body {
		j.buffer = append(j.buffer, b...)
	}
	_, err = j.file.Write(j.buffer)
	if cap(j.buffer) > 1<<20 {
		j.buffer = nil
	}
	return err
}

// turn says that what was gathered is now a bundle, and the next one has that number.
func (j *Journal) turn(next uint64) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next = next
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

// safe says that a bundle is safe elsewhere.
func (j *Journal) safe(sequence uint64) {
	if j != nil {
		os.Remove(j.path(sequence))
	}
}

// Close closes the file of the bundle in the making: the incarnation is over.
func (j *Journal) Close() error {
	j.spool.mu.Lock()
	if j.spool.running == j.incarnation {
		j.spool.running = ""
	}
	j.spool.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// readJournal returns the items of one file, as far as they are whole.
func readJournal(data []byte) []Item {
	var items []Item
	for len(data) >= 4 {
		n := binary.LittleEndian.Uint32(data)
		if uint64(n) > uint64(len(data)-4) {
			break
		}
		frame := data[4 : 4+n]
		data = data[4+n:]
		x, need, err := DecodeIndex(frame)
		if err != nil || need > int64(len(frame)) || x == nil || damaged(frame, x) != nil {
			break
		}
		for _, r := range x.Records {
			item := Item{Record: r}
			if r.Kind == KindPart {
				item.Data = frame[r.Part.Offset:][:r.Part.Length]
			}
			items = append(items, item)
		}
	}
	return items
}

// leftover is a bundle that an earlier incarnation may not have written to the bucket.
type leftover struct {
	sequence  uint64
	journaled bool // else it lies in the spool as it is
}

// leftovers returns what earlier incarnations of this node left, in order, and of which of them there is a
// journal. The one whose journal is open runs.
func (s *Spool) leftovers() (map[string][]leftover, map[string]Word, error) {
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	left := map[string][]leftover{}
	for id, numbers := range s.Left() {
		if id == running {
			continue
		}
		for _, n := range numbers {
			left[id] = append(left[id], leftover{sequence: n})
		}
	}
	words := map[string]Word{}
	dirs, err := os.ReadDir(filepath.Join(s.dir, "journal"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, d := range dirs {
		id := d.Name()
		if id == running {
			continue
		}
		files, err := os.ReadDir(s.journalDir(id))
		if err != nil {
			return nil, nil, err
		}
		words[id] = SpoolWord
		if boot, err := os.ReadFile(filepath.Join(s.journalDir(id), bootFile)); err == nil && len(boot) > 0 && string(boot) == bootID() {
			words[id] = ExactWord
		}
		for _, f := range files {
			n, err := strconv.ParseUint(f.Name(), 16, 64)
			if err != nil || len(f.Name()) != 16 || slices.ContainsFunc(left[id], func(l leftover) bool { return l.sequence == n }) {
				continue
			}
			left[id] = append(left[id], leftover{sequence: n, journaled: true})
		}
		slices.SortFunc(left[id], func(a, b leftover) int { return int(int64(a.sequence - b.sequence)) })
	}
	return left, words, nil
}

// Words says what the spool's word on earlier incarnations of this node is worth.
func (s *Spool) Words() (map[string]Word, error) {
	_, words, err := s.leftovers()
	return words, err
}

// body returns what is to be written for a leftover, or nil if nothing of it can be read.
func (s *Spool) body(i *Incarnation, l leftover) (bucket.Body, error) {
	if !l.journaled {
		data, err := s.Read(i, l.sequence)
		if err != nil {
			return nil, err
		}
		x, need, err := DecodeIndex(data)
		if err != nil || need > 0 || damaged(data, x) != nil {
			return nil, nil
		}
		return bucket.Bytes(data), nil
	}
	data, err := os.ReadFile(filepath.Join(s.journalDir(i.ID), fmt.Sprintf("%016x", l.sequence)))
	if err != nil {
		return nil, err
	}
	items := readJournal(data)
	if len(items) == 0 {
		return nil, nil
	}
	body, _, err := Encode(byTake(items))
	return body, err
}

// DropJournal removes the journal of an incarnation that is sealed.
func (s *Spool) DropJournal(i *Incarnation) error { return os.RemoveAll(s.journalDir(i.ID)) }
