package station

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

const (
	// witnesses is how many other nodes hold what is in no bundle yet.
	witnesses = 2
	// witnessPatience is how long a witness may take to hold what it was sent.
	witnessPatience = time.Second
	// answerTime is how long a node may take to say that it will witness.
	answerTime   = 5 * time.Second
	witnessRetry = 500 * time.Millisecond
	// maxUnsaid is how much a witness takes in before it says so, also when more is coming all the time.
	maxUnsaid = 256 << 10
	// wakeTime is how long a witness that stood still must have heard the writer again until its word is exact.
	wakeTime = 2 * time.Second
	// turnedAway is what a witness says in place of a number of lines when it has helped to end the writer's
	// incarnation: the writer must hear that before it acknowledges anything more.
	turnedAway = math.MaxUint64
)

// watchers keeps the witnesses of one incarnation: it sends them everything that is in no bundle yet,
// and names those that keep up.
type watchers struct {
	fleet *fleet
	run   *run

	mu    sync.Mutex
	conns map[string]context.CancelFunc
	ready []string
	group sync.WaitGroup
}

// witness keeps the incarnation's witnesses until ctx ends.
func (f *fleet) witness(ctx context.Context, r *run) {
	w := &watchers{fleet: f, run: r, conns: map[string]context.CancelFunc{}}
	defer w.group.Wait()
	for {
		changed := f.mesh.Changed()
		w.choose(ctx)
		select {
		case <-changed:
		case <-time.After(witnessRetry):
		case <-ctx.Done():
			return
		}
	}
}

// choose begins to send to those that shall witness, and ends it with those that shall not any more,
// once there are enough others.
func (w *watchers) choose(ctx context.Context) {
	w.run.flusher.Solo(w.fleet.most(""))
	want := mesh.Witnesses(w.fleet.mesh.Members(), w.run.incarnation.Node, witnesses)
	w.mu.Lock()
	defer w.mu.Unlock()
	for node, stop := range w.conns {
		m, ok := w.fleet.member(node)
		if !ok || m.State != mesh.Alive || !slices.Contains(want, node) && len(w.ready) > len(want) {
			stop()
		}
	}
	for _, node := range want {
		if w.conns[node] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		w.conns[node] = stop
		w.group.Go(func() {
			defer stop()
			if err := w.send(ctx, node); err != nil && ctx.Err() == nil {
				w.fleet.station.log.Warn("a witness was lost", "witness", node, "error", err)
			}
			w.lost(node)
		})
	}
}

// name tells the flusher who holds everything; the lock is held.
func (w *watchers) name() {
	names := slices.Sorted(slices.Values(w.ready))
	w.run.flusher.Name(names)
	w.fleet.mu.Lock()
	w.fleet.names = names
	w.fleet.mu.Unlock()
}

func (w *watchers) lost(node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, node)
	w.ready = slices.DeleteFunc(w.ready, func(n string) bool { return n == node })
	w.name()
}

func (w *watchers) holds(node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.ready, node) {
		w.ready = append(w.ready, node)
		w.name()
	}
}

// send sends everything to one witness until that ends.
func (w *watchers) send(ctx context.Context, node string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	body, pipe := io.Pipe()
	defer pipe.Close()
	// A connection that breaks before the answer leaves the transport reading the body for ever.
	defer context.AfterFunc(ctx, func() { body.CloseWithError(context.Cause(ctx)) })()
	answered := time.AfterFunc(answerTime, func() { stop(errors.New("it does not answer")) })
	defer answered.Stop()
	q := url.Values{"node": {w.run.incarnation.Node}, "incarnation": {w.run.incarnation.ID}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+node+"/mesh/witness?"+q.Encode(), body)
	if err != nil {
		return err
	}
	r.Close = true // else who answers before the end of the stream would wait for it
	answer, err := w.fleet.mesh.RoundTrip(r)
	if err != nil {
		return err
	}
	answered.Stop()
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		if answer.StatusCode == http.StatusGone {
			w.run.flusher.End(fmt.Errorf("witness %s: %s: %w", node, text, bundle.ErrFenced))
		}
		return fmt.Errorf("witness %s answers %s: %s", node, answer.Status, text)
	}
	c, err := w.run.flusher.Copy(ctx, node)
	if err != nil {
		return err
	}
	defer c.Close()
	x := &exchange{copy: c, late: time.AfterFunc(time.Hour, func() { stop(errors.New("it does not keep up")) })}
	defer x.late.Stop()
	acks := make(chan error, 1)
	go func() {
		err := x.acks(bufio.NewReader(answer.Body), func() { w.holds(node) })
		if errors.Is(err, bundle.ErrTestified) {
			w.run.flusher.End(fmt.Errorf("witness %s: %w: %w", node, err, bundle.ErrFenced))
		}
		stop(err)
		acks <- err
	}()
	err = x.frames(ctx, bufio.NewWriterSize(pipe, 64<<10))
	stop(err)
	pipe.CloseWithError(err)
	answer.Body.Close()
	return errors.Join(context.Cause(ctx), <-acks)
}

// exchange is what goes between a writer and a witness.
type exchange struct {
	copy *bundle.Copy
	late *time.Timer

	mu    sync.Mutex
	sent  uint64 // lines
	acked uint64
}

// frames writes what comes.
func (x *exchange) frames(ctx context.Context, out *bufio.Writer) error {
	for {
		frames, err := x.copy.Next(ctx)
		if err != nil {
			return err
		}
		for _, f := range frames {
			x.expect(f.Lines)
			if err := bundle.WriteFrame(out, f); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func (x *exchange) expect(lines uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.acked >= x.sent && lines > x.sent {
		x.late.Reset(witnessPatience)
	}
	x.sent = max(x.sent, lines)
}

// acks reads how many lines the witness holds, and calls holds when it has everything that there was at
// the beginning.
func (x *exchange) acks(in *bufio.Reader, holds func()) error {
	for {
		lines, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		if lines == turnedAway {
			return bundle.ErrTestified
		}
		x.mu.Lock()
		x.acked = max(x.acked, lines)
		if x.acked >= x.sent {
			x.late.Reset(time.Hour)
		} else {
			x.late.Reset(witnessPatience)
		}
		x.mu.Unlock()
		if x.copy.Held(lines) {
			holds()
		}
	}
}

// reopen finds what this node held as a witness before it began again. It can still give its word.
func (f *fleet) reopen() {
	for _, i := range f.station.cfg.Spool.Held() {
		if _, err := f.holder(i); err != nil {
			f.station.log.Warn("what was held for another node cannot be read", "incarnation", i, "error", err)
		}
	}
}

// holder returns what this node holds of an incarnation.
func (f *fleet) holder(i bundle.Incarnation) (*bundle.Holder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.holders[i.String()]; h != nil {
		return h, nil
	}
	h, err := f.station.cfg.Spool.Hold(i)
	if err == nil {
		f.holders[i.String()] = h
	}
	return h, err
}

// serveWitness takes in what another node wants witnessed.
func (f *fleet) serveWitness(w http.ResponseWriter, r *http.Request) {
	i := bundle.Incarnation{Node: r.FormValue("node"), ID: r.FormValue("incarnation")}
	if i.Node != r.Header.Get(mesh.NodeHeader) {
		http.Error(w, "a node speaks for itself only", http.StatusForbidden)
		return
	}
	h, err := f.holder(i)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := http.NewResponseController(w)
	if err := out.EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if h.Ended() {
		http.Error(w, bundle.ErrTestified.Error(), http.StatusGone)
		return
	}
	w.WriteHeader(http.StatusOK)
	if out.Flush() != nil {
		return
	}
	in := bufio.NewReaderSize(r.Body, 64<<10)
	unsaid := int64(0) // bytes that the writer was not told of
	defer f.outlives(i, h)
	for {
		frame, err := bundle.ReadFrame(in)
		if err != nil {
			return
		}
		lines, err := h.Add(frame)
		if err != nil {
			f.station.log.Warn("the writer of another node is turned away by its witness", "incarnation", i, "error", err)
			if errors.Is(err, bundle.ErrTestified) {
				w.Write(binary.AppendUvarint(nil, turnedAway))
				out.Flush()
			}
			return
		}
		if _, err := w.Write(binary.AppendUvarint(nil, lines)); err != nil {
			return
		}
		if unsaid += frame.Body.Len(); in.Buffered() > 0 && unsaid < maxUnsaid {
			continue
		}
		if unsaid = 0; out.Flush() != nil {
			return
		}
	}
}

// outlives looks whether a writer lives on when its stream to this witness has ended.
func (f *fleet) outlives(i bundle.Incarnation, h *bundle.Holder) {
	m, ok := f.member(i.Node)
	if !ok {
		return
	}
	number := m.Number + 2 // a beat may have been on its way
	f.station.tasks.start(func(ctx context.Context) {
		for range 10 {
			select {
			case <-time.After(mesh.BeatEvery):
			case <-ctx.Done():
				return
			}
			if m, ok := f.member(i.Node); ok && m.Incarnation == i.String() && m.Number > number {
				h.Outlived()
				return
			}
		}
	})
}

// incarnationMessage names an incarnation.
type incarnationMessage struct {
	Incarnation string `json:"incarnation"`
	Lines       uint64 `json:"lines,omitempty"`
	Alone       bool   `json:"alone,omitempty"` // this witness needs no other
	Sure        bool   `json:"sure,omitempty"`  // and the writer cannot have gone on without it

	// Soft is the word that has ended the incarnation while the bucket was away.
	Soft *softSeal `json:"soft,omitempty"`
}

// askedClose makes this witness accept nothing more of an incarnation.
func (f *fleet) askedClose(_ context.Context, _ string, data []byte) ([]byte, error) {
	h, err := f.askedHolder(data)
	if err != nil {
		return nil, err
	}
	m, err := f.word(h)
	if err != nil {
		return nil, err
	}
	m.Soft = f.softly(h.Incarnation())
	return json.Marshal(m)
}

// word closes what this node holds of an incarnation and says what that is worth.
func (f *fleet) word(h *bundle.Holder) (incarnationMessage, error) {
	lines := h.Close()
	if h.Blank() {
		return incarnationMessage{}, errBlank
	}
	return incarnationMessage{Lines: lines, Alone: h.Alone() && !f.sleptSince(h.Heard()), Sure: f.sure(h.Incarnation())}, nil
}

// sure reports whether a writer cannot have gone on with others alone, which it does only while the bucket is away and
// most of the fleet is in its sight: it had the bucket when it was last heard, or this node hears half of the fleet
// without it. One that was ended counts as known here, since who is cut off ends the others.
func (f *fleet) sure(writer bundle.Incarnation) bool {
	if m, ok := f.member(writer.Node); ok && m.Incarnation == writer.String() && !m.Away {
		return true
	}
	known, sight := 0, 0
	for _, m := range f.mesh.Members() {
		if m.State == mesh.Lost && m.Reason == mesh.HasLeft {
			continue
		}
		known++
		if m.Node != writer.Node && m.State == mesh.Alive {
			sight++
		}
	}
	return 2*sight >= known
}

// sleptSince reports whether this node may have stood still since it heard the writer: that went on without it
// then, perhaps, and nobody is left who says so. What it reads first when it wakes was sent before.
func (f *fleet) sleptSince(heard time.Time) bool {
	for _, m := range f.mesh.Members() {
		if m.Self {
			return time.Since(m.Heard) >= witnessPatience || heard.Before(m.Since.Add(wakeTime))
		}
	}
	return false
}

// errBlank is the word of a node that is named as a witness and has lost what it held with its spool.
var errBlank = errors.New("this node holds nothing of that incarnation and does not know what it held")

// askedTestify makes this witness end an incarnation with what it holds.
func (f *fleet) askedTestify(ctx context.Context, _ string, data []byte) ([]byte, error) {
	h, err := f.askedHolder(data)
	if err != nil {
		return nil, err
	}
	h.Close()
	return nil, h.Testify(ctx, f.station.cfg.Docs.Bucket(), f.station.cfg.Spool.Node())
}

func (f *fleet) askedHolder(data []byte) (*bundle.Holder, error) {
	var m incarnationMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	i, err := bundle.ParseIncarnation(m.Incarnation)
	if err != nil {
		return nil, err
	}
	return f.holder(i)
}
