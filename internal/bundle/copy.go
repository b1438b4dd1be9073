package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// ErrBehind ends a copy whose witness does not keep up.
var ErrBehind = errors.New("the witness does not keep up")

const (
	// maxCopy bounds what waits for one witness.
	maxCopy = 32 << 20
	// maxNext bounds what Next returns at once, and what a copy may lack when it begins to follow.
	maxNext = 8 << 20
	// frameCost is what a frame without a body counts.
	frameCost = 64
)

// Frame is a piece of an incarnation's log on its way to a witness.
type Frame struct {
	Sequence uint64      // of the bundle that the records will be in; with Landed, the first that has not landed
	Landed   bool        // all bundles before Sequence are in the bucket: nobody needs to hold them
	Lines    uint64      // how many records of the incarnation's log have come with this frame
	Whole    bool        // all records of that bundle so far, not only those that came with this frame
	Body     bucket.Body // a bundle of these records alone
	spooled  bool        // Body is to be read from the spool
	size     int64
	shared   bool // Body was there before the copy, and waits in the flusher too
}

// Copy is the log of an incarnation on its way to one witness: first what has not landed, then
// everything as it comes. After a long outage that first part may be gigabytes in the spool. It comes
// in turns then, each from where the one before ended, until little is missing: only then the copy
// follows, so that what comes meanwhile need not wait in memory.
type Copy struct {
	flusher *Flusher
	witness string
	ready   chan struct{}

	// With the flusher's lock held:
	frames    []Frame
	size      int64  // of the frames that are not shared
	following bool   // everything that comes is added
	whole     uint64 // how many lines there were at the end of the newest turn
	err       error
}

// Copy begins a copy for a witness. Run must be running.
func (f *Flusher) Copy(ctx context.Context, witness string) (*Copy, error) {
	c := &Copy{flusher: f, witness: witness, ready: make(chan struct{}, 1)}
	if err := c.join(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// join has Run fill the copy.
func (c *Copy) join(ctx context.Context) error {
	select {
	case c.flusher.joins <- c:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("copy for witness %s: %w", c.witness, ctx.Err())
	}
}

// join fills a copy with what has not landed and was not in an earlier turn. If that is not much, what
// comes afterwards is added as it comes.
func (f *Flusher) join(c *Copy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.err != nil || c.following || len(c.frames) > 0 {
		return
	}
	var missing int64
	for _, b := range f.queue {
		if b.lines <= c.whole {
			continue
		}
		missing += b.size
		c.whole = b.lines
		// One that landed before an older one is sent too: a fence may come in place of the older one.
		c.add(Frame{Sequence: b.sequence, Lines: b.lines, Whole: true, Body: b.body, spooled: b.body == nil, size: b.size, shared: true})
	}
	if missing > maxNext {
		c.wake()
		return
	}
	items := make([]Item, len(f.pending))
	for i, p := range f.pending {
		items[i] = p.item
	}
	body, _, err := Encode(items)
	if err != nil { // they were checked one by one
		c.end(fmt.Errorf("copy for witness %s: %w", c.witness, err))
		return
	}
	c.following = true
	c.whole = f.lines
	c.add(Frame{Sequence: f.next, Lines: f.lines, Whole: true, Body: body, shared: true})
	first := f.next
	if len(f.queue) > 0 {
		first = f.queue[0].sequence
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
	for i := len(f.copies) - 1; i >= 0; i-- { // add takes out one that has ended
		f.copies[i].add(Frame{Sequence: f.next, Lines: f.lines, Body: body})
	}
}

// copyLanded tells the copies that a bundle landed and all before it; the lock is held.
func (f *Flusher) copyLanded(sequence uint64) {
	for i := len(f.copies) - 1; i >= 0; i-- {
		f.copies[i].add(Frame{Sequence: sequence + 1, Landed: true})
	}
}

// add appends a frame; the flusher's lock is held.
func (c *Copy) add(frame Frame) {
	if c.err != nil {
		return
	}
	if frame.size == 0 {
		frame.size = frame.Body.Len() + frameCost
	}
	if !frame.shared {
		if c.size += frame.size; c.size > maxCopy {
			c.end(ErrBehind)
			return
		}
	}
	c.frames = append(c.frames, frame)
	c.wake()
}

func (c *Copy) wake() {
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
	c.wake()
}

// Next returns the next frames, about maxNext at once, and waits for one. It is called from one goroutine.
func (c *Copy) Next(ctx context.Context) ([]Frame, error) {
	for {
		frames, turn, err := c.take()
		if err == nil && len(frames) > 0 {
			frames, err = c.load(frames)
		}
		if err != nil || len(frames) > 0 {
			return frames, err
		}
		if turn {
			if err := c.join(ctx); err != nil {
				return nil, err
			}
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take takes frames; turn says that there are none until the next turn.
func (c *Copy) take() (frames []Frame, turn bool, err error) {
	c.flusher.mu.Lock()
	defer c.flusher.mu.Unlock()
	var total int64
	for len(c.frames) > 0 && (total == 0 || total+c.frames[0].size <= maxNext) {
		f := c.frames[0]
		c.frames = c.frames[1:]
		total += f.size
		if !f.shared {
			c.size -= f.size
		}
		frames = append(frames, f)
	}
	return frames, len(frames) == 0 && !c.following, c.err
}

// load reads the bodies that only the spool has. One that has gone from it has landed, and all before
// it have: nobody needs to hold it.
func (c *Copy) load(frames []Frame) ([]Frame, error) {
	loaded := frames[:0]
	for _, frame := range frames {
		if frame.spooled {
			data, err := c.flusher.cfg.Spool.Read(c.flusher.cfg.Incarnation, frame.Sequence)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("copy for witness %s: %w", c.witness, err)
			}
			frame.Body = bucket.Bytes(data)
		}
		loaded = append(loaded, frame)
	}
	return loaded, nil
}

// Held notes that the witness holds so many lines. It reports whether that is everything that there was
// when the copy began to follow: who is named earlier holds up what may be listed until it has caught up.
func (c *Copy) Held(lines uint64) (caughtUp bool) {
	c.flusher.mu.Lock()
	if c.err == nil && lines > 0 {
		c.flusher.safety.hold(c.witness, min(lines, c.flusher.lines))
	}
	caughtUp = c.err == nil && c.following && lines >= c.whole
	c.flusher.mu.Unlock()
	c.flusher.rouse()
	return caughtUp
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
	told, lonely := f.lines-uint64(len(f.unsafe)), f.safety.lonely
	safe := min(f.safety.safe(!f.away.IsZero()), f.lines)
	lonely = f.safety.lonely && !lonely
	lines := f.unsafe[:max(safe, told)-told]
	f.unsafe = f.unsafe[len(lines):]
	f.mu.Unlock()
	if lonely {
		f.cfg.Log.Warn("neither the bucket nor a witness can be had: only the spool of this node holds what it takes in")
	}
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
