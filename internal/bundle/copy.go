package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// ErrBehind ends a copy whose witness does not keep up.
var ErrBehind = errors.New("the witness does not keep up")

// maxCopy bounds what waits for one witness.
const maxCopy = 32 << 20

// Frame is a piece of an incarnation's log on its way to a witness.
type Frame struct {
	Sequence uint64      // of the bundle that the records will be in; with Landed, the first that has not landed
	Landed   bool        // all bundles before Sequence are in the bucket: nobody needs to hold them
	Lines    uint64      // how many records of the incarnation's log have come with this frame
	Whole    bool        // all records of that bundle so far, not only those that came with this frame
	Body     bucket.Body // a bundle of these records alone
	spooled  bool        // Body is to be read from the spool
	size     int64
}

// Copy is the log of an incarnation on its way to one witness: first what has not landed, then
// everything as it comes.
type Copy struct {
	flusher *Flusher
	witness string
	ready   chan struct{}

	// With the flusher's lock held:
	frames []Frame
	size   int64
	err    error
}

// Copy begins a copy for a witness. Run must be running.
func (f *Flusher) Copy(ctx context.Context, witness string) (*Copy, error) {
	c := &Copy{flusher: f, witness: witness, ready: make(chan struct{}, 1)}
	select {
	case f.joins <- c:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("copy for witness %s: %w", witness, ctx.Err())
	}
}

// join fills a copy with what has not landed. What comes afterwards is added as it comes.
func (f *Flusher) join(c *Copy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.next
	if len(f.queue) > 0 {
		first = f.queue[0].sequence
	}
	for _, b := range f.queue {
		if b.body != nil {
			c.add(Frame{Sequence: b.sequence, Lines: b.lines, Whole: true, Body: b.body})
		} else if b.spooled {
			c.add(Frame{Sequence: b.sequence, Lines: b.lines, Whole: true, spooled: true})
		}
	}
	items := make([]Item, len(f.pending))
	for i, p := range f.pending {
		items[i] = p.item
	}
	if body, _, err := Encode(items); err == nil {
		c.add(Frame{Sequence: f.next, Lines: f.lines, Whole: true, Body: body})
	}
	c.add(Frame{Sequence: first, Landed: true}) // last: until then it may hold less than it did
	f.copies = append(f.copies, c)
}

// copy hands records to the journal and to the copies; the lock is held.
func (f *Flusher) copy(items []Item) {
	if f.cfg.Journal == nil && len(f.copies) == 0 {
		return
	}
	body, _, err := Encode(items)
	if err != nil { // they were checked
		panic(fmt.Sprintf("copy records: %v", err))
	}
	f.cfg.Journal.append(body)
	for _, c := range f.copies {
		c.add(Frame{Sequence: f.next, Lines: f.lines, Body: body})
	}
}

// copyLanded tells the copies that a bundle landed and all before it; the lock is held.
func (f *Flusher) copyLanded(sequence uint64) {
	for _, c := range f.copies {
		c.add(Frame{Sequence: sequence + 1, Landed: true})
	}
}

// add appends a frame; the flusher's lock is held.
func (c *Copy) add(frame Frame) {
	if c.err != nil {
		return
	}
	frame.size = frame.Body.Len()
	if c.size += frame.size; c.size > maxCopy {
		c.end(ErrBehind)
		return
	}
	c.frames = append(c.frames, frame)
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// end ends the copy; the flusher's lock is held.
func (c *Copy) end(err error) {
	if c.err != nil {
		return
	}
	c.err, c.frames = err, nil
	c.flusher.safety.hold(c.witness, 0)
	c.flusher.copies = slices.DeleteFunc(c.flusher.copies, func(o *Copy) bool { return o == c })
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Next returns the next frames, as many as there are, and waits for one. It is called from one goroutine.
func (c *Copy) Next(ctx context.Context) ([]Frame, error) {
	for {
		c.flusher.mu.Lock()
		frames, err := c.frames, c.err
		c.frames, c.size = nil, 0
		c.flusher.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if len(frames) > 0 {
			return frames, c.load(frames)
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// load reads the bodies that only the spool has. One that has gone from it has landed.
func (c *Copy) load(frames []Frame) error {
	for i := range frames {
		if !frames[i].spooled {
			continue
		}
		data, err := c.flusher.cfg.Spool.Read(c.flusher.cfg.Incarnation, frames[i].Sequence)
		if err != nil {
			return fmt.Errorf("copy for witness %s: %w", c.witness, err)
		}
		frames[i].Body = bucket.Bytes(data)
	}
	return nil
}

// Held notes that the witness holds so many lines.
func (c *Copy) Held(lines uint64) {
	c.flusher.mu.Lock()
	if c.err == nil && lines > 0 {
		c.flusher.safety.hold(c.witness, min(lines, c.flusher.lines))
	}
	c.flusher.mu.Unlock()
	c.flusher.rouse()
}

// Close ends the copy: the witness is not there any more.
func (c *Copy) Close() {
	c.flusher.mu.Lock()
	c.end(context.Canceled)
	c.flusher.mu.Unlock()
	c.flusher.rouse()
}

// Name says which nodes shall witness from the next bundle on. A bundle that says so is made at once.
func (f *Flusher) Name(witnesses []string) {
	f.mu.Lock()
	changed := f.safety.want(witnesses)
	f.mu.Unlock()
	if changed {
		f.rouse()
	}
}

// Solo says whether most of the fleet is in sight, so that witnesses that are gone may be passed over
// while the bucket is away.
func (f *Flusher) Solo(on bool) {
	f.mu.Lock()
	changed := f.safety.solo != on
	f.safety.solo = on
	f.mu.Unlock()
	if changed {
		f.rouse()
	}
}

// Exact reports whether nothing may be listed that is not safe, because witnesses are named who give
// an exact word should this node die.
func (f *Flusher) Exact() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.safety.exact()
}

// advance tells owners of what has become safe, in order.
func (f *Flusher) advance() {
	f.mu.Lock()
	f.release()
	told := f.lines - uint64(len(f.unsafe))
	safe := min(f.safety.safe(!f.away.IsZero()), f.lines)
	if safe <= told {
		f.mu.Unlock()
		return
	}
	lines := f.unsafe[:safe-told]
	f.unsafe = f.unsafe[safe-told:]
	f.mu.Unlock()
	for from := 0; from < len(lines); {
		records := []Record{lines[from].record}
		to := from + 1
		for ; to < len(lines) && lines[to].owner == lines[from].owner; to++ {
			records = append(records, lines[to].record)
		}
		lines[from].owner.Safe(records)
		from = to
	}
}

// oath is who waits until a line is durable.
type oath struct {
	line uint64
	done chan struct{}
}

// Durable waits until a record that Append took in may be acknowledged to a publisher who forgets it
// then (see "Acks" in the design): it and all before it are in bundles below any fence, or, while the
// bucket is away, held by two witnesses. An error says that this did not happen and will not.
func (f *Flusher) Durable(ctx context.Context, line uint64) error {
	f.mu.Lock()
	if f.dead != nil {
		defer f.mu.Unlock()
		return f.dead
	}
	o := oath{line, make(chan struct{})}
	f.sworn = append(f.sworn, o)
	f.mu.Unlock()
	f.rouse()
	select {
	case <-o.done:
	case <-ctx.Done():
		f.mu.Lock()
		f.sworn = slices.DeleteFunc(f.sworn, func(x oath) bool { return x.done == o.done })
		f.mu.Unlock()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.safety.durable(!f.away.IsZero()) < line && f.dead != nil {
		return f.dead
	}
	return nil
}

// release tells those whose lines are durable; the lock is held.
func (f *Flusher) release() {
	if len(f.sworn) == 0 {
		return
	}
	durable := f.safety.durable(!f.away.IsZero())
	f.sworn = slices.DeleteFunc(f.sworn, func(o oath) bool {
		if o.line > durable {
			return false
		}
		close(o.done)
		return true
	})
}

// die notes that the incarnation has ended: what is not durable now will not be acknowledged.
func (f *Flusher) die(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = err
	for _, o := range f.sworn {
		close(o.done)
	}
	f.sworn = nil
}
