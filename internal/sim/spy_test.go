package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// spy sees every write that the bucket carries out. It keeps the documents' history (law 5).
type spy struct {
	*bucket.Mem
	fail func(law, format string, args ...any)

	mu   sync.Mutex
	cuts map[string]*program.CutList // the newest version of each cut list

	bundles map[string]landed         // by key
	pieces  map[bundle.Piece][]string // in which bundles they came
}

func newSpy(fail func(law, format string, args ...any)) *spy {
	return &spy{Mem: bucket.NewMem(), fail: fail, cuts: map[string]*program.CutList{}, bundles: map[string]landed{}, pieces: map[bundle.Piece][]string{}}
}

func (s *spy) Put(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	if !strings.HasPrefix(key, "probe/") {
		s.fail("5", "%s is written without a condition", key)
	}
	return s.Mem.Put(ctx, key, body)
}

func (s *spy) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	e, err := s.Mem.PutIfAbsent(ctx, key, body)
	if err == nil {
		s.changed(key, body)
		s.note(key, body)
	}
	return e, err
}

// landed is a bundle that came into the bucket.
type landed struct {
	at    time.Time
	fence bool
}

// note notes a bundle, and the pieces in it.
func (s *spy) note(key string, body bucket.Body) {
	if !strings.HasPrefix(key, "media/") {
		return
	}
	x := indexOf(body)
	if x == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bundles[key] = landed{time.Now(), x.Fence != ""}
	for i := range x.Records {
		if r := &x.Records[i]; r.Kind == bundle.KindPiece {
			s.pieces[r.Piece] = append(s.pieces[r.Piece], key)
		}
	}
}

// stored returns since when the bucket has a piece, in a bundle that counts: all before it are there, and none
// of them is a fence. Zero: it never was.
func (s *spy) stored(piece bundle.Piece) (since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.pieces[piece] {
		prefix, name := key[:strings.LastIndexByte(key, '/')+1], key[strings.LastIndexByte(key, '/')+1:]
		last, err := strconv.ParseUint(name, 16, 64)
		at := s.bundles[key].at
		for n := uint64(0); n < last && err == nil; n++ {
			b, ok := s.bundles[fmt.Sprintf("%s%016x", prefix, n)]
			if !ok || b.fence {
				at = time.Time{}
				break
			}
			if at.Before(b.at) {
				at = b.at
			}
		}
		if since.IsZero() || !at.IsZero() && at.Before(since) {
			since = at
		}
	}
	return since
}

func (s *spy) PutIfMatch(ctx context.Context, key string, body bucket.Body, etag bucket.ETag) (bucket.ETag, error) {
	if strings.HasPrefix(key, "media/") || strings.HasPrefix(key, "seals/") || strings.HasPrefix(key, "index/") {
		s.fail("5", "%s is replaced, and must never be", key)
	}
	e, err := s.Mem.PutIfMatch(ctx, key, body, etag)
	if err == nil {
		s.changed(key, body)
	}
	return e, err
}

// off reports whether a channel was taken off air, as the bucket knows.
func (s *spy) off(channel string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.cuts["cuts/"+channel]
	return list != nil && list.Off
}

// changed compares a version of a cut list with the one before: what stood there stands for ever.
func (s *spy) changed(key string, body bucket.Body) {
	if !strings.HasPrefix(key, "cuts/") {
		return
	}
	var document struct{ Value *program.CutList }
	if err := json.Unmarshal(slices.Concat(body...), &document); err != nil || document.Value == nil {
		s.fail("5", "%s cannot be read: %v", key, err)
		return
	}
	list := document.Value
	s.mu.Lock()
	before := s.cuts[key]
	s.cuts[key] = list
	s.mu.Unlock()
	if err := list.Validate(); err != nil {
		s.fail("5", "%s: %v", key, err)
	}
	if before == nil {
		return
	}
	for i := range before.Entries {
		if err := kept(&before.Entries[i], list, i == len(before.Entries)-1); err != nil {
			s.fail("5", "%s: %v", key, err)
		}
	}
}

// kept says whether an entry is in a later version of the list as it was.
func kept(e *program.Entry, later *program.CutList, last bool) error {
	n := later.Entry(e.ID)
	switch {
	case n == nil && len(later.Entries) > 0 && later.Entries[0].Number > e.Number:
		return nil // dropped at the front
	case n == nil:
		return fmt.Errorf("entry %s at number %d was overwritten", e.ID, e.Number)
	case !reflect.DeepEqual(n.Play, e.Play):
		return fmt.Errorf("what entry %s plays was changed", e.ID)
	case n.Number != e.Number || n.Take != e.Take || n.From != e.From || n.Discontinuity != e.Discontinuity:
		return fmt.Errorf("entry %s was changed", e.ID)
	case e.End != nil && (n.End == nil || n.End.At != e.End.At || n.End.Gaps != e.End.Gaps):
		return fmt.Errorf("the end of entry %s was changed", e.ID)
	case e.End != nil && n.End.Leap != e.End.Leap && (e.End.Leap || !last):
		return fmt.Errorf("the leap behind entry %s was changed", e.ID)
	}
	return nil
}

// acks is a process's way to the bucket where its answers are noted: what was answered well for a
// bundle counts, whoever ends the incarnation (law 1).
type acks struct {
	bucket.Bucket
	note func(key string, data []byte)
}

func (a acks) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	e, err := a.Bucket.PutIfAbsent(ctx, key, body)
	if err == nil && strings.HasPrefix(key, "media/") {
		a.note(key, slices.Concat(body...))
	}
	return e, err
}
