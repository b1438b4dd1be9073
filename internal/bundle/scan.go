package bundle

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	// pageBundles is how many bundles an index page covers: a minute of them at the usual interval.
	// A recovery reads the pages, and the ends of at most so many bundles.
	pageBundles = 120
	tailRead    = 64 << 10
	pageMagic   = "MFP1"
)

// pagePrefix is what the keys of an incarnation's index pages begin with.
func (i Incarnation) pagePrefix() string { return "index/" + i.String() + "/" }

// Pager gathers the indexes of bundles that have landed, and writes them as index pages.
type Pager struct {
	bucket      bucket.Bucket
	incarnation *Incarnation
	log         *slog.Logger

	mu     sync.Mutex
	landed map[uint64][]Record
	next   uint64
	closed bool
	since  time.Time // the oldest bundle without a page landed
	group  sync.WaitGroup
	stop   chan struct{} // closed when nobody waits for pages any more
}

const (
	pageTime  = 10 * time.Second // for one try to write a page
	pageRetry = 5 * time.Second
)

// NewPager makes the pager of an incarnation.
func NewPager(b bucket.Bucket, i *Incarnation, log *slog.Logger) *Pager {
	return &Pager{bucket: b, incarnation: i, log: log, landed: map[uint64][]Record{}, stop: make(chan struct{})}
}

// Landed notes a bundle that is in the bucket. When enough are, it writes a page behind the caller's back,
// for as long as that takes: without its page, a bundle cannot be collected while its incarnation runs.
func (p *Pager) Landed(sequence uint64, records []Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		p.since = time.Now()
	}
	p.landed[sequence] = records
	p.send(pageBundles)
}

// Age writes a page of what has gathered if the oldest of it has waited for long: media that was taken down can be
// collected also at a node that nobody publishes to any more.
func (p *Pager) Age(long time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && !p.since.IsZero() && time.Since(p.since) >= long {
		p.send(1)
	}
}

// send writes a page of at least so many bundles, if there are; the lock is held.
func (p *Pager) send(least int) {
	page := p.cut(least)
	if page == nil {
		return
	}
	if p.since = (time.Time{}); len(p.landed) > 0 {
		p.since = time.Now()
	}
	p.group.Go(func() {
		for !p.write(context.Background(), page) {
			select {
			case <-time.After(pageRetry):
			case <-p.stop:
				return
			}
		}
	})
}

// Close writes what has gathered, and returns when all pages are written or ctx ends. Pages that are not
// written then are left out: their bundles are read one by one.
func (p *Pager) Close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	page := p.cut(1)
	p.mu.Unlock()
	if page != nil && ctx.Err() == nil {
		p.write(ctx, page)
	}
	written := make(chan struct{})
	go func() { p.group.Wait(); close(written) }()
	select {
	case <-written:
	case <-ctx.Done():
		close(p.stop)
		<-written
	}
}

// WritePage writes the indexes of an ended incarnation's last bundles as a page: whoever needs to know what
// it left reads that instead of each of them. Without it nothing is missing.
func (r *Recovered) WritePage(ctx context.Context, b bucket.Bucket, log *slog.Logger) {
	next, err := paged(ctx, b, *r.Incarnation)
	if err != nil {
		return
	}
	p := NewPager(b, r.Incarnation, log)
	p.next = next
	for _, s := range r.Bundles {
		if s.Sequence >= next && s.Index.Fence == "" {
			p.landed[s.Sequence] = s.Index.Records
		}
	}
	if page := p.cut(1); page != nil {
		p.write(ctx, page)
	}
}

type page struct {
	first, last uint64
	data        []byte
}

// cut makes a page of the next bundles if there are at least that many.
func (p *Pager) cut(least int) *page {
	n := 0
	for { // one that only names witnesses has no records, and is there all the same
		if _, ok := p.landed[p.next+uint64(n)]; !ok {
			break
		}
		n++
	}
	if n < least {
		return nil
	}
	out := &page{first: p.next, last: p.next + uint64(n) - 1, data: []byte(pageMagic)}
	for s := out.first; s <= out.last; s++ {
		index, err := Index{Records: p.landed[s]}.append(nil)
		if err != nil {
			p.log.Error("make index page", "error", err)
			return nil
		}
		out.data = binary.LittleEndian.AppendUint64(out.data, s)
		out.data = binary.LittleEndian.AppendUint32(out.data, uint32(len(index)))
		out.data = append(out.data, index...)
		delete(p.landed, s)
	}
	p.next = out.last + 1
	return out
}

// write tries to write a page, and says whether it is there.
func (p *Pager) write(ctx context.Context, pg *page) bool {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	key := fmt.Sprintf("%s%016x-%016x", p.incarnation.pagePrefix(), pg.first, pg.last)
	_, err := p.bucket.PutIfAbsent(ctx, key, bucket.Bytes(pg.data))
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		p.log.Warn("an index page could not be written", "key", key, "error", err)
		return false
	}
	return true
}

// decodePage reads an index page and calls f for each bundle of it, in order.
func decodePage(data []byte, f func(sequence uint64, x *Index) error) error {
	rest, ok := strings.CutPrefix(string(data), pageMagic)
	if !ok {
		return corrupt("index page without its mark")
	}
	b := []byte(rest)
	for len(b) > 0 {
		if len(b) < 12 {
			return corrupt("index page: cut short")
		}
		sequence, n := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
		if uint64(n) > uint64(len(b)-12) {
			return corrupt("index page: index of %d bytes in %d", n, len(b)-12)
		}
		x, need, err := DecodeIndex(b[12 : 12+n])
		if err == nil && need > 0 {
			err = corrupt("index page: index cut short")
		}
		if err != nil {
			return err
		}
		if err := f(sequence, x); err != nil {
			return err
		}
		b = b[12+n:]
	}
	return nil
}

// Scanned is what a scan found of one bundle.
type Scanned struct {
	Sequence uint64
	Index    *Index
}

// Scan reads the indexes of an incarnation's bundles, in order of their numbers, up to the first
// fence or the first number that is missing, which it returns as next. Bundles at the beginning that
// the collector has deleted are passed over.
func Scan(ctx context.Context, b bucket.Bucket, i Incarnation) (found []Scanned, next uint64, fenced bool, err error) {
	next, fenced, err = walk(ctx, b, i, func(s Scanned) error {
		found = append(found, s)
		return nil
	})
	if err != nil {
		return nil, 0, false, fmt.Errorf("scan %s: %w", i, err)
	}
	return found, next, fenced, nil
}

// errOver ends a walk before its end.
var errOver = errors.New("nothing that follows counts")

// walk calls f for each bundle that Scan finds, in order. However many there are, it holds no more than some index pages.
func walk(ctx context.Context, b bucket.Bucket, i Incarnation, f func(Scanned) error) (next uint64, fenced bool, err error) {
	see := func(s Scanned) error {
		switch {
		case s.Sequence != next:
			return errOver
		case s.Index.Fence == "":
			next++
			return f(s)
		}
		fenced = true
		if len(s.Index.Records) > 0 { // what a witness held
			if err := f(s); err != nil {
				return err
			}
		}
		return errOver
	}
	if err = eachPaged(ctx, b, i, see); err == nil {
		err = eachTail(ctx, b, i, next, see)
	}
	if errors.Is(err, errOver) {
		err = nil
	}
	return next, fenced, err
}

// eachPaged calls f for all bundles of the index pages that follow one another without a hole from the first bundle on.
func eachPaged(ctx context.Context, b bucket.Bucket, i Incarnation, f func(Scanned) error) error {
	read := func(ctx context.Context, key string) (page []Scanned, err error) {
		o, err := b.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		return page, decodePage(o.Data, func(sequence uint64, x *Index) error {
			page = append(page, Scanned{sequence, x})
			return nil
		})
	}
	next, hole := uint64(0), false
	err := eachListed(ctx, b, i.pagePrefix(), "", read, func(page []Scanned) error {
		if hole = len(page) > 0 && page[0].Sequence != next; hole {
			return errOver // a page is missing: the bundles from here on are read one by one
		}
		next += uint64(len(page))
		for _, s := range page {
			if err := f(s); err != nil {
				return err
			}
		}
		return nil
	})
	if hole {
		return nil
	}
	return err
}

// readPages reads all index pages that eachPaged finds.
func readPages(ctx context.Context, b bucket.Bucket, i Incarnation) (out []Scanned, err error) {
	err = eachPaged(ctx, b, i, func(s Scanned) error {
		out = append(out, s)
		return nil
	})
	return out, err
}

// eachTail calls f for all bundles from a number on, by the indexes at their ends.
func eachTail(ctx context.Context, b bucket.Bucket, i Incarnation, from uint64, f func(Scanned) error) error {
	after := ""
	if from > 0 {
		after = i.Key(from - 1)
	}
	return eachListed(ctx, b, i.prefix(), after, func(ctx context.Context, key string) (Scanned, error) {
		n, err := parseSequence(key)
		if err != nil {
			return Scanned{}, err
		}
		x, err := ReadIndex(ctx, b, key)
		return Scanned{n, x}, err
	}, f)
}

// eachListed reads the objects behind after whose keys have a prefix, some at the same time, and calls f for what came of
// each in the order of the keys.
func eachListed[V any](ctx context.Context, b bucket.Bucket, prefix, after string, read func(ctx context.Context, key string) (V, error), f func(V) error) error {
	for {
		pg, err := b.List(ctx, prefix, after, 0)
		if err != nil {
			return err
		}
		if err := inTurn(ctx, pg.Entries, read, f); err != nil {
			return err
		}
		if after = pg.Next; after == "" {
			return nil
		}
	}
}

// inTurn is eachListed for one page of a listing. No more than parallelReads are read or wait for their turn.
func inTurn[V any](ctx context.Context, entries []bucket.Entry, read func(ctx context.Context, key string) (V, error), f func(V) error) error {
	type outcome struct {
		v   V
		err error
	}
	var reads sync.WaitGroup
	defer reads.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var turns [parallelReads]chan outcome
	begun := 0
	for n := range entries {
		for ; begun < min(n+parallelReads, len(entries)); begun++ {
			turn, key := make(chan outcome, 1), entries[begun].Key
			turns[begun%parallelReads] = turn
			reads.Go(func() {
				v, err := read(ctx, key)
				turn <- outcome{v, err}
			})
		}
		o := <-turns[n%parallelReads]
		if o.err != nil {
			return o.err
		}
		if err := f(o.v); err != nil {
			return err
		}
	}
	return nil
}

// ReadIndex reads the index of one bundle, normally in one request.
func ReadIndex(ctx context.Context, b bucket.Bucket, key string) (*Index, error) {
	want := int64(tailRead)
	for {
		o, err := b.GetRange(ctx, key, -want, want)
		if err != nil {
			return nil, err
		}
		x, need, err := DecodeIndex(o.Data)
		if err == nil && need > want {
			want = need
			continue
		}
		if err == nil && need > 0 {
			err = corrupt("index larger than its bundle")
		}
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", key, err)
		}
		return x, nil
	}
}
