package bundle

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	paged, err := readPages(ctx, b, i)
	if err != nil {
		return nil, 0, false, fmt.Errorf("scan %s: %w", i, err)
	}
	var numbers []uint64
	after := ""
	if n := len(paged); n > 0 {
		after = i.Key(paged[n-1].Sequence)
	}
	for {
		pg, err := b.List(ctx, i.prefix(), after, 0)
		if err != nil {
			return nil, 0, false, fmt.Errorf("scan %s: %w", i, err)
		}
		for _, e := range pg.Entries {
			n, err := parseSequence(e.Key)
			if err != nil {
				return nil, 0, false, fmt.Errorf("scan %s: %w", i, err)
			}
			numbers = append(numbers, n)
		}
		if after = pg.Next; after == "" {
			break
		}
	}
	tails, err := readTails(ctx, b, i, numbers)
	if err != nil {
		return nil, 0, false, fmt.Errorf("scan %s: %w", i, err)
	}
	for _, s := range append(paged, tails...) {
		if s.Sequence != next {
			break
		}
		if s.Index.Fence != "" {
			if len(s.Index.Records) > 0 { // what a witness held
				found = append(found, s)
			}
			return found, s.Sequence, true, nil
		}
		found = append(found, s)
		next = s.Sequence + 1
	}
	return found, next, false, nil
}

// readPages reads all index pages that follow one another without a hole from the first bundle on.
func readPages(ctx context.Context, b bucket.Bucket, i Incarnation) ([]Scanned, error) {
	var keys []string
	if err := bucket.All(ctx, b, i.pagePrefix(), func(e bucket.Entry) error {
		keys = append(keys, e.Key)
		return nil
	}); err != nil {
		return nil, err
	}
	pages := make([][]Scanned, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for n, key := range keys {
		group.Go(func() error {
			o, err := b.Get(ctx, key)
			if err != nil {
				return err
			}
			return decodePage(o.Data, func(sequence uint64, x *Index) error {
				pages[n] = append(pages[n], Scanned{sequence, x})
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []Scanned
	for _, pg := range pages {
		if len(pg) > 0 && pg[0].Sequence != uint64(len(out)) {
			break // a page is missing: the bundles from here on are read one by one
		}
		out = append(out, pg...)
	}
	return out, nil
}

// readTails reads the indexes at the ends of bundles.
func readTails(ctx context.Context, b bucket.Bucket, i Incarnation, numbers []uint64) ([]Scanned, error) {
	slices.Sort(numbers)
	out := make([]Scanned, len(numbers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for n, sequence := range numbers {
		group.Go(func() error {
			x, err := ReadIndex(ctx, b, i.Key(sequence))
			out[n] = Scanned{sequence, x}
			return err
		})
	}
	return out, group.Wait()
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
