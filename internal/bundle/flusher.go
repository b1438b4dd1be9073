package bundle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

var (
	// ErrFenced is returned when another node ended this incarnation. The node must acknowledge
	// nothing more, close its publishers, and begin again as a new incarnation.
	ErrFenced = errors.New("fenced: another node ended this incarnation")
	// ErrSlept is returned when the process stood still for so long that others may have ended its
	// incarnation and cleared it away. The node must begin again before it writes.
	ErrSlept = errors.New("this process stood still for over a minute")
)

const (
	// InFlight is how many bundles may be on their way to the bucket at once. Who fences an
	// incarnation fills as many numbers.
	InFlight = 4

	// maxGathered is how much may wait to become a bundle, which cannot hold more than maxPartBytes.
	maxGathered = 64 << 20

	maxSleep   = time.Minute
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// FlusherConfig says how a Flusher works. Bucket, Incarnation and Spool are required.
type FlusherConfig struct {
	Bucket      bucket.Bucket
	Incarnation *Incarnation
	Spool       *Spool
	Journal     *Journal // may be nil
	Log         *slog.Logger
	Interval    time.Duration // how long parts gather; default 500 ms
	MaxBytes    int64         // how much gathers at most; default 8 MiB
	Patience    time.Duration // how long a bundle may be unacknowledged before it is synced to the spool; default 1 s
	MaxMemory   int64         // bundles in memory beyond this go to the spool at once, and none more are taken when the spool is full; default 64 MiB
	// Flushed, if set, is told of every bundle that landed in the bucket: its records, the bytes of
	// the bundle, and how long it took from the first part to the acknowledgement.
	Flushed func(sequence uint64, records []Record, bytes int64, took time.Duration)
}

func (c *FlusherConfig) setDefaults() {
	if c.Interval <= 0 {
		c.Interval = 500 * time.Millisecond
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 8 << 20
	}
	if c.Patience <= 0 {
		c.Patience = time.Second
	}
	if c.MaxMemory <= 0 {
		c.MaxMemory = 64 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Flusher gathers the records of all takes of a node and writes them as bundles (group commit).
//
// Append never waits. What is not safe yet is held in memory; when the bucket does not acknowledge
// in time, or memory runs short, bundles are synced to the spool, which makes them safe, and are
// written to the bucket in order when it is back. When the spool is full too, Full says so: whoever
// takes in media must then stop, and nothing that was safe is lost.
type Flusher struct {
	cfg FlusherConfig

	mu      sync.Mutex
	pending []pendingItem
	bytes   int64     // of pending
	since   time.Time // when the first pending item came
	hurry   bool      // a mark is pending: viewers wait for it
	held    int64     // bytes of bundles in memory
	full    bool
	away    time.Time // since when the bucket has not answered; zero if it does
	lines   uint64    // how many records came so far
	unsafe  []entry   // records that are not safe, in the order of their coming
	safety  *safety
	copies  []*Copy
	sworn   []oath // who waits for lines to be durable
	dead    error  // why the incarnation has ended
	open    bool   // the node wants to list
	opened  bool   // a bundle was made that says so

	wake    chan struct{}
	results chan result
	flushes chan chan struct{}
	joins   chan *Copy
	over    chan error

	// The rest belongs to the goroutine of Run.
	next     uint64    // number of the next bundle; changed with the lock held
	queue    []*flight // made and not landed, in order of their numbers
	unstored int       // index in queue of the first bundle that is neither landed nor in the spool
	inFlight int
	waiting  []waiter
	alone    isolation
}

type pendingItem struct {
	owner Owner
	item  Item
}

// entry is a record and whom to tell of it.
type entry struct {
	owner  Owner
	record Record
}

// flight is a bundle on its way.
type flight struct {
	sequence uint64
	body     bucket.Body // nil when only the spool has it
	size     int64
	records  []Record
	owners   []Owner // of each record
	made     time.Time
	since    time.Time // when its first part came
	lines    uint64    // how many records had come when it was made
	sending  bool
	landed   bool
	spooled  bool
	retryAt  time.Time
	retry    time.Duration
}

type result struct {
	flight *flight // nil for the answer to a probe
	err    error
}

type waiter struct {
	upTo uint64 // bundles below this number must be landed
	done chan struct{}
}

// NewFlusher makes a flusher for a new incarnation; nothing happens until Run.
func NewFlusher(cfg FlusherConfig) *Flusher {
	cfg.setDefaults()
	return &Flusher{
		cfg:     cfg,
		wake:    make(chan struct{}, 1),
		results: make(chan result, InFlight),
		flushes: make(chan chan struct{}),
		joins:   make(chan *Copy),
		over:    make(chan error, 1),
		safety:  newSafety(),
	}
}

// Append hands over records in the order of their take's log, and returns the number of the last one
// (see Durable). It does not wait. A record that could not be
// read again is left out, and said so in the log: it must not cost the others.
func (f *Flusher) Append(owner Owner, items ...Item) (line uint64) {
	items = slices.DeleteFunc(items, func(item Item) bool {
		err := item.Record.check()
		if err != nil {
			f.cfg.Log.Error("a record cannot be stored", "take", item.Record.Take, "error", err)
		}
		return err != nil
	})
	if len(items) == 0 {
		return 0
	}
	f.mu.Lock()
	if len(f.pending) == 0 {
		f.since = time.Now()
	}
	first := len(f.pending) == 0
	f.lines += uint64(len(items))
	f.copy(items)
	for _, item := range items {
		f.pending = append(f.pending, pendingItem{owner, item})
		f.unsafe = append(f.unsafe, entry{owner, item.Record})
		f.bytes += int64(len(item.Data))
		if item.Record.Kind == KindMark && !f.hurry {
			f.hurry, first = true, true
		}
	}
	wake := first || f.bytes >= f.cfg.MaxBytes
	line = f.lines
	f.mu.Unlock()
	if wake {
		f.rouse()
	}
	return line
}

// rouse makes Run look again.
func (f *Flusher) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Flush writes what has gathered and returns when all of it is in the bucket, or ctx ends.
func (f *Flusher) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case f.flushes <- done:
	case <-ctx.Done():
		return fmt.Errorf("flush: %w", ctx.Err())
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush: %w", ctx.Err())
	}
}

// Open says that the node wants to list, and returns when a bundle that says so is in the bucket, or ctx ends.
// Who ends an incarnation that never opened knows that nobody was shown anything of it.
func (f *Flusher) Open(ctx context.Context) error {
	f.mu.Lock()
	f.open = true
	f.mu.Unlock()
	return f.Flush(ctx)
}

// news reports whether a bundle is to be made though no record waits: it names other witnesses, or says that
// the node lists. The lock is held.
func (f *Flusher) news() bool { return f.safety.unnamed() || f.open != f.opened }

// End ends the incarnation: Run returns err. It is for who learns by another way than by a fence that
// others have ended it.
func (f *Flusher) End(err error) {
	select {
	case f.over <- err:
	default:
	}
}

// Run writes bundles until ctx ends, or the incarnation does (ErrFenced, ErrSlept). It does not
// flush at its end: call Flush before. It returns after every write it began has ended.
func (f *Flusher) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(ctx)
	err := f.run(work)
	cancel()
	f.die(err)
	for ; f.inFlight > 0; f.inFlight-- {
		<-f.results
	}
	return err
}

func (f *Flusher) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	last := time.Now().Round(0) // wall clock: it goes on while the machine sleeps
	for {
		timer.Reset(f.step(ctx))
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-f.wake:
		case r := <-f.results:
			f.inFlight--
			if r.flight == nil {
				err = f.alone.answered(r.err, time.Now())
			} else {
				err = f.landed(r)
			}
		case done := <-f.flushes:
			f.bundle()
			f.waiting = append(f.waiting, waiter{f.next, done})
		case c := <-f.joins:
			f.join(c)
		case err = <-f.over:
		}
		now := time.Now().Round(0)
		if now.Sub(last) > maxSleep && err == nil {
			err = ErrSlept
		}
		if last = now; err != nil {
			return err
		}
	}
}

// step does what is due and returns how long nothing more will be.
func (f *Flusher) step(ctx context.Context) time.Duration {
	now := time.Now()
	var due time.Duration
	f.mu.Lock()
	gathered, since, bytes, hurry := len(f.pending) > 0, f.since, f.bytes, f.hurry
	news := f.news()
	f.mu.Unlock()
	if news {
		f.bundle()
		due = f.cfg.Interval
	} else if gathered {
		if due = since.Add(f.cfg.Interval).Sub(now); due <= 0 || bytes >= f.cfg.MaxBytes || hurry {
			f.bundle()
			due = f.cfg.Interval
		}
	} else {
		due = maxSleep / 4 // only to notice a sleep
	}
	f.send(ctx, now)
	due = min(due, f.spool(now))
	f.acknowledge()
	if f.alone.on {
		return min(due, probeEvery)
	}
	for _, b := range f.queue {
		if !b.sending && !b.landed {
			due = min(due, max(b.retryAt.Sub(now), 5*time.Millisecond))
			break
		}
	}
	return max(due, time.Millisecond)
}

// bundle makes a bundle of what has gathered.
func (f *Flusher) bundle() {
	f.mu.Lock()
	pending, since := f.pending, f.since
	if len(pending) == 0 && !f.news() {
		f.mu.Unlock()
		return
	}
	if len(pending) == 0 {
		since = time.Now()
	}
	b := &flight{sequence: f.next, made: time.Now(), since: since, lines: f.lines}
	f.pending, f.bytes, f.hurry = nil, 0, false
	f.next++
	f.cfg.Journal.turn(f.next)
	x := Index{Witnesses: f.safety.made(b.sequence), Quiet: !f.open}
	f.opened = f.open
	f.mu.Unlock()
	order := map[Owner]int{}
	for _, p := range pending {
		if _, ok := order[p.owner]; !ok {
			order[p.owner] = len(order)
		}
	}
	slices.SortStableFunc(pending, func(a, b pendingItem) int { return order[a.owner] - order[b.owner] })
	b.owners = make([]Owner, len(pending))
	items := make([]Item, len(pending))
	for i, p := range pending {
		b.owners[i], items[i] = p.owner, p.item
	}
	body, records, err := encode(items, x)
	if err != nil { // a record that cannot be written: it came from us
		panic(fmt.Sprintf("make bundle %d: %v", b.sequence, err))
	}
	b.body, b.records, b.size = body, records, body.Len()
	f.queue = append(f.queue, b)
	f.hold(b.size)
}

func (f *Flusher) hold(n int64) {
	f.mu.Lock()
	f.held += n
	f.mu.Unlock()
}

// acknowledge tells the owners of bundles that are stored, in order, and drops those that have landed.
func (f *Flusher) acknowledge() {
	for ; f.unstored < len(f.queue); f.unstored++ {
		b := f.queue[f.unstored]
		if !b.landed && !b.spooled {
			break
		}
		f.cfg.Journal.safe(b.sequence)
		f.tell(b)
		f.mu.Lock()
		f.safety.spooled = max(f.safety.spooled, b.lines)
		f.mu.Unlock()
	}
	for len(f.queue) > 0 && f.unstored > 0 && f.queue[0].landed {
		b := f.queue[0]
		f.mu.Lock()
		f.safety.landed(b.sequence, b.lines)
		f.copyLanded(b.sequence)
		f.mu.Unlock()
		if b.body != nil {
			f.hold(-b.size)
		}
		f.cfg.Spool.Landed(f.cfg.Incarnation, b.sequence)
		f.queue[0] = nil
		f.queue = f.queue[1:]
		f.unstored--
	}
	f.advance()
	first := f.next
	if len(f.queue) > 0 {
		first = f.queue[0].sequence
	}
	f.waiting = slices.DeleteFunc(f.waiting, func(w waiter) bool {
		if first < w.upTo {
			return false
		}
		close(w.done)
		return true
	})
}

// tell tells each owner of a stored bundle its records.
func (f *Flusher) tell(b *flight) {
	stored := make([]StoredRecord, len(b.records))
	for i, r := range b.records {
		stored[i] = StoredRecord{Record: r, Ref: Ref{Incarnation: f.cfg.Incarnation, Sequence: b.sequence, Offset: r.Part.Offset, Length: r.Part.Length}}
	}
	for from := 0; from < len(stored); {
		to := from + 1
		for to < len(stored) && b.owners[to] == b.owners[from] {
			to++
		}
		b.owners[from].Stored(stored[from:to])
		from = to
	}
	b.owners = nil
}
