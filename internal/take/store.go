package take

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

var (
	// ErrNoMedia is returned for media that is not there and cannot come.
	ErrNoMedia = errors.New("no such media")
	// ErrNotYet is returned for media that may still come.
	ErrNotYet = errors.New("media not there yet")
)

// Reader reads stored bytes back: from memory, the spool, a cache or the bucket.
type Reader interface {
	Read(ctx context.Context, refs []bundle.Ref) ([][]byte, error)
}

// Store holds the logs of all takes that this node knows, and answers requests for their media.
type Store struct {
	reader Reader

	mu   sync.RWMutex
	logs map[media.TakeID]*Log
}

// NewStore makes an empty store that reads older media with reader.
func NewStore(reader Reader) *Store {
	return &Store{reader: reader, logs: map[media.TakeID]*Log{}}
}

// Add makes a log known.
func (s *Store) Add(l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs[l.take.ID] = l
}

// Log returns the log of a take, or nil if this node does not know it.
func (s *Store) Log(id media.TakeID) *Log {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.logs[id]
}

// Remove forgets a take whose media nothing lists any more.
func (s *Store) Remove(id media.TakeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.logs, id)
}

// Each calls f for every log, in no order.
func (s *Store) Each(f func(*Log)) {
	s.mu.RLock()
	logs := make([]*Log, 0, len(s.logs))
	for _, l := range s.logs {
		logs = append(logs, l)
	}
	s.mu.RUnlock()
	for _, l := range logs {
		f(l)
	}
}

// Open returns the bytes at an address, as slices to be written one after the other and never
// changed. For media that is about to exist it returns ErrNotYet and a channel that is closed when it
// is worth asking again; for media that is not there and cannot come, ErrNoMedia. Other errors come
// from reading the bucket.
func (s *Store) Open(ctx context.Context, a media.Address) (_ [][]byte, changed <-chan struct{}, _ error) {
	l := s.Log(a.Take)
	if l == nil {
		return nil, nil, fmt.Errorf("open %s: unknown take: %w", a, ErrNoMedia)
	}
	if a.Init {
		data, err := l.openInit(a)
		return data, nil, err
	}
	data, refs, wait, err := l.find(a)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("open %s: %w", a, err)
	case wait != nil:
		return nil, wait, ErrNotYet
	case refs == nil:
		return data, nil, nil
	}
	if data, err = s.reader.Read(ctx, refs); err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", a, err)
	}
	return data, nil, nil
}

func (l *Log) openInit(a media.Address) ([][]byte, error) {
	r := l.take.Rendition(a.Rendition)
	if r == nil {
		return nil, fmt.Errorf("open %s: no such rendition: %w", a, ErrNoMedia)
	}
	if a.Track == 0 {
		return [][]byte{r.Init}, nil
	}
	i := trackIndex(r, a.Track)
	if i < 0 {
		return nil, fmt.Errorf("open %s: no such track: %w", a, ErrNoMedia)
	}
	init, err := cmaf.InitTrack(r.Tracks[i])
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", a, err)
	}
	return [][]byte{init}, nil
}

func trackIndex(r *media.Rendition, id int) int {
	for i := range r.Tracks {
		if r.Tracks[i].ID == id {
			return i
		}
	}
	return -1
}

// ahead is how many segments beyond the newest one a request may ask for and still be waited for:
// the segment in the making, the next one, and one for a player that is ahead of this node.
const ahead = 3

// find looks for media. It returns the bytes if they are in memory, refs if they are stored, or a
// channel that is closed when the log changes if they may still come.
func (l *Log) find(a media.Address) (data [][]byte, refs []bundle.Ref, wait <-chan struct{}, err error) {
	track := -1
	if r := l.take.Rendition(a.Rendition); r == nil {
		return nil, nil, nil, ErrNoMedia
	} else if a.Track != 0 {
		if track = trackIndex(r, a.Track); track < 0 {
			return nil, nil, nil, ErrNoMedia
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.at(a.Segment); s != nil {
		if extents, ok := s.extents(a, track); ok {
			upTo := s.count()
			if a.Run {
				upTo = int(a.To) + 1
			}
			switch {
			case upTo <= len(s.data):
				return s.inMemory(extents), nil, nil, nil
			case upTo <= s.stored:
				return nil, s.inStore(extents), nil, nil
			}
			return nil, nil, l.wait(), nil // where it lies is not known yet
		}
		if s.info.Complete {
			return nil, nil, nil, ErrNoMedia
		}
	}
	edge := l.edge()
	if l.ended || a.Segment < edge.Segment || a.Segment > edge.Segment+ahead && !l.replica {
		return nil, nil, nil, ErrNoMedia
	}
	return nil, nil, l.wait(), nil
}

// wait returns what is closed when media comes; the lock is held.
func (l *Log) wait() <-chan struct{} {
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.grown
}
