package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// index is the object that says of a finished take everything but its media: any node makes a listing of it. That of a
// clip never changes. That of a recording grows while its broadcast is on air, and refers to bundles until its media lies
// in pieces of its own; what it has said of a segment stays true as long as anybody may believe it.
type index struct {
	Take    media.Take `json:"take"`
	Channel string     `json:"channel"`
	Clip    string     `json:"clip"` // or recording
	Pieces  []indexed  `json:"pieces"`
	// Origin is the incarnation whose bundles pieces refer to that have Refs.
	Origin string `json:"origin,omitempty"`
}

// indexed is one piece in an index: an object, or with Refs a run of segments in bundles.
type indexed struct {
	Bytes    int64  `json:"bytes"`
	Segments []byte `json:"segments"`        // see packSegments
	Refs     []byte `json:"refs,omitempty"`  // see packRefs
	Count    int    `json:"count,omitempty"` // of the segments, with Refs
}

func indexKey(take media.TakeID) string { return "takes/" + take.String() }

// reel is a finished take as this node knows it.
type reel struct {
	listing media.Listing
	places  []place // of the segments
	etag    bucket.ETag
	seen    time.Time
	weight  uint32
}

// place is where the bytes of a segment lie: in an object, or in bundles.
type place struct {
	key    string
	offset int64
	size   uint32
	refs   []bundle.Ref
}

// readIndex makes a reel of an index. It is safe on any input.
func readIndex(data []byte) (*reel, error) {
	var x index
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	if len(x.Pieces) > maxPieces || !validID(x.Channel) || !validID(x.Clip) || x.Take.Rendition(media.Main) == nil {
		return nil, errors.New("read index: not one of a clip")
	}
	r := &reel{listing: media.Listing{Take: &x.Take, Rendition: media.Main, Ended: true}, weight: 1024}
	origin, err := bundle.ParseIncarnation(x.Origin)
	if err != nil && x.Origin != "" {
		return nil, fmt.Errorf("read index: %w", err)
	}
	var at media.Ticks
	for n, piece := range x.Pieces {
		segments, err := unpackSegments(piece.Segments)
		if err != nil {
			return nil, fmt.Errorf("read index: piece %d: %w", n, err)
		}
		var refs [][]bundle.Ref
		p := place{key: mediaKey(x.Channel, x.Clip, x.Take.ID, n)}
		if len(piece.Refs) > 0 {
			p.key = ""
			if refs, err = unpackRefs(piece.Refs, &origin, len(segments)); err != nil {
				return nil, fmt.Errorf("read index: piece %d: %w", n, err)
			}
		}
		for i, parts := range segments {
			info := &media.SegmentInfo{Number: uint32(len(r.places)), Start: at, Complete: true, Parts: parts}
			p.size = 0
			for i := range parts {
				info.Duration += parts[i].Duration
				p.size += parts[i].Length
				r.weight += 96
			}
			if refs != nil {
				if p.refs = refs[i]; sizeOf(p.refs) != uint64(p.size) {
					return nil, fmt.Errorf("read index: segment %d has %d bytes and its places %d", info.Number, p.size, sizeOf(p.refs))
				}
				r.weight += 48 * uint32(len(p.refs))
			}
			info.Independent = len(parts) > 0 && parts[0].Independent
			r.listing.Segments = append(r.listing.Segments, info)
			r.places = append(r.places, p)
			p.offset += int64(p.size)
			at += info.Duration
		}
		if p.offset != piece.Bytes {
			return nil, fmt.Errorf("read index: piece %d has %d bytes and its segments %d", n, piece.Bytes, p.offset)
		}
	}
	r.listing.Limit = media.Pos{Segment: uint32(len(r.places))}
	return r, nil
}

// shelfLife is how long what is known of a take counts before it is asked again whether it is still there: a clip
// that was deleted on another node is played no longer than that.
const shelfLife = 20 * time.Second

// reels keeps what this node knows of finished takes, and some of their media.
type reels struct {
	bucket  bucket.Bucket
	bundles func(context.Context, []bundle.Ref) ([][]byte, error)
	now     func() time.Time
	lives   func(channel string) (lives, known bool)
	known   *otter.Cache[media.TakeID, *reel]
	media   *otter.Cache[segmentAt, []byte]

	mu     sync.Mutex
	absent map[media.TakeID]time.Time // asked for and not there
	misses *rate.Limiter              // how often something may be asked for that is not there
}

// segmentAt names a segment of a take.
type segmentAt struct {
	take    media.TakeID
	segment uint32
}

const (
	knownBytes = 32 << 20
	mediaBytes = 48 << 20
	maxAbsent  = 10_000
	absentFor  = 10 * time.Second
)

// errBusy is returned while too many addresses are asked for that nobody ever listed.
var errBusy = errors.New("too many addresses are asked for that are not there")

func newReels(cfg *Config) *reels {
	return &reels{
		bucket: cfg.Docs.Bucket(), bundles: cfg.Bundles, now: cfg.Now, lives: cfg.Lives, absent: map[media.TakeID]time.Time{}, misses: rate.NewLimiter(20, 200),
		known: otter.Must(&otter.Options[media.TakeID, *reel]{MaximumWeight: knownBytes, Weigher: func(_ media.TakeID, r *reel) uint32 { return r.weight }}),
		media: otter.Must(&otter.Options[segmentAt, []byte]{MaximumWeight: mediaBytes, Weigher: func(_ segmentAt, b []byte) uint32 { return uint32(len(b)) + 64 }}),
	}
}

// reel returns a finished take, or take.ErrNoMedia.
func (s *reels) reel(ctx context.Context, id media.TakeID) (*reel, error) {
	old, ok := s.known.GetIfPresent(id)
	if ok && s.now().Sub(old.seen) < shelfLife {
		return old, nil
	}
	if !ok && s.isAbsent(id) {
		return nil, take.ErrNoMedia
	}
	return s.load(ctx, id, old)
}

// isAbsent reports whether a take was just found not to be there.
func (s *reels) isAbsent(id media.TakeID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.absent[id]
	return ok && s.now().Sub(at) < absentFor
}

// load reads an index, or looks whether one that is known is still there.
func (s *reels) load(ctx context.Context, id media.TakeID, old *reel) (*reel, error) {
	var o bucket.Object
	var err error
	if old != nil {
		o, err = s.bucket.GetRange(ctx, indexKey(id), 0, 1)
	} else if s.misses.Tokens() < 1 {
		return nil, errBusy
	}
	changed := old == nil || err == nil && o.ETag != old.etag
	if changed {
		o, err = s.bucket.Get(ctx, indexKey(id))
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return nil, s.miss(id)
	case err != nil && old != nil:
		return old, nil // the bucket is away: what is known counts
	case err != nil:
		return nil, fmt.Errorf("open clip: %w", err)
	case !changed:
		fresh := *old
		return s.keep(&fresh)
	}
	r, err := readIndex(o.Data)
	if err != nil {
		return nil, err
	}
	r.etag = o.ETag
	return s.keep(r)
}

// keep keeps what is known of a take, unless its channel was deleted.
func (s *reels) keep(r *reel) (*reel, error) {
	id := r.listing.Take.ID
	if lives, known := s.lives(r.listing.Take.Channel); known && !lives {
		return nil, s.miss(id)
	}
	r.seen = s.now()
	s.known.Set(id, r)
	return r, nil
}

// miss notes that a take is not there.
func (s *reels) miss(id media.TakeID) error {
	s.misses.Allow()
	s.forget(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	for any := range s.absent {
		if len(s.absent) < maxAbsent {
			break
		}
		delete(s.absent, any)
	}
	s.absent[id] = s.now()
	return take.ErrNoMedia
}

func (s *reels) forget(id media.TakeID) {
	if r, ok := s.known.Invalidate(id); ok {
		for n := range r.places {
			s.media.Invalidate(segmentAt{id, uint32(n)})
		}
	}
}

// doubt lets what is known of a channel's takes not count before it was asked for again.
func (s *reels) doubt(channel string) {
	for id, r := range s.known.All() {
		if r.listing.Take.Channel == channel {
			old := *r
			old.seen = time.Time{}
			s.known.Set(id, &old)
		}
	}
}

// segment reads a whole segment.
func (s *reels) segment(ctx context.Context, r *reel, n uint32) ([]byte, error) {
	return s.media.Get(ctx, segmentAt{r.listing.Take.ID, n}, otter.LoaderFunc[segmentAt, []byte](func(ctx context.Context, _ segmentAt) ([]byte, error) {
		return s.read(ctx, &r.places[n])
	}))
}

// read reads the bytes of a segment from where they lie. They are the caller's.
func (s *reels) read(ctx context.Context, p *place) ([]byte, error) {
	if p.refs != nil {
		slices, err := s.bundles(ctx, p.refs)
		if err != nil {
			return nil, err
		}
		return bytes.Join(slices, nil), nil
	}
	o, err := s.bucket.GetRange(ctx, p.key, p.offset, int64(p.size))
	if err != nil {
		return nil, err
	}
	if len(o.Data) != int(p.size) {
		return nil, fmt.Errorf("read %s: %d bytes at %d, want %d", p.key, len(o.Data), p.offset, p.size)
	}
	return o.Data, nil
}

// open returns the bytes at an address of a finished take.
func (s *reels) open(ctx context.Context, a media.Address) ([][]byte, error) {
	r, err := s.reel(ctx, a.Take)
	if err != nil {
		return nil, err
	}
	rendition := r.listing.Take.Rendition(a.Rendition)
	if rendition == nil {
		return nil, take.ErrNoMedia
	}
	track := -1
	for i := range rendition.Tracks {
		if rendition.Tracks[i].ID == a.Track {
			track = i
		}
	}
	switch {
	case a.Track != 0 && track < 0:
		return nil, take.ErrNoMedia
	case a.Init && a.Track == 0:
		return [][]byte{rendition.Init}, nil
	case a.Init:
		init, err := cmaf.InitTrack(rendition.Tracks[track])
		return [][]byte{init}, err
	}
	info := r.listing.Segment(a.Segment)
	if info == nil {
		return nil, take.ErrNoMedia
	}
	extents, ok := media.Extents(info.Parts, a, track)
	if !ok {
		return nil, take.ErrNoMedia
	}
	data, err := s.segment(ctx, r, a.Segment)
	if err != nil {
		return nil, fmt.Errorf("open clip: %w", err)
	}
	out := make([][]byte, len(extents))
	for i, e := range extents {
		out[i] = data[e.Offset : e.Offset+e.Length]
	}
	return out, nil
}
