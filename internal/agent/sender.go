package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ingest/push"
)

const (
	// inFlight is how many segments are sent at a time: while one is being made durable, the next is
	// under way.
	inFlight           = 2
	minPause, maxPause = 200 * time.Millisecond, 2 * time.Second
	connectTime        = 2 * time.Second
	// answerTime is how long a node may take to answer. With several nodes another one is tried sooner:
	// it knows whether the first one lives, and hands the segment on if it does.
	answerTime, answerTimeOfMany = 6 * time.Second, 3 * time.Second
)

// sender sends what is in the spool, the oldest first, to one node after the other until one takes it.
type sender struct {
	targets []target
	spool   *Spool
	log     *slog.Logger
	client  *http.Client
	timeout time.Duration

	mu      sync.Mutex
	current int      // the target to try
	node    string   // who took the last segment; "" if nobody since the last failure
	trouble string   // why it was not taken
	told    []string // what of each target's trouble is in the log
}

func newSender(targets []target, spool *Spool, cfg *Config) *sender {
	dial := &net.Dialer{Timeout: connectTime}
	return &sender{
		targets: targets, told: make([]string, len(targets)), spool: spool, log: cfg.Log, timeout: cfg.AckTimeout,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext: dial.DialContext, TLSHandshakeTimeout: connectTime, MaxIdleConnsPerHost: inFlight,
				IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// run sends until the spool is empty and nothing more will come. It ends early only if no node will
// ever take the stream.
func (s *sender) run(ctx context.Context) error {
	for {
		changed := s.spool.Changed()
		x, more := s.spool.Front()
		switch {
		case x != nil:
			if err := s.session(ctx, x); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		case !more:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// session sends a session to its end.
func (s *sender) session(ctx context.Context, x *Session) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, inFlight)
	flying, next, said := 0, uint64(0), false
	defer func() {
		cancel()
		for range flying {
			<-results
		}
	}()
	for {
		changed := s.spool.Changed()
		n, found, ended := x.From(next)
		if found && flying < inFlight {
			flying++
			next = n + 1
			go func() { results <- s.segment(ctx, x, n) }()
			continue
		}
		if !found && ended && !said { // the last segments are under way, and need not wait for more
			s.goodbye(ctx, x)
			said = true
		}
		if !found && ended && flying == 0 {
			return x.Remove()
		}
		select {
		case err := <-results:
			flying--
			if err != nil {
				return err
			}
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// segment sends a segment until a node has acknowledged it.
func (s *sender) segment(ctx context.Context, x *Session, n uint64) error {
	data, err := x.Segment(n)
	if err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		if err := s.turn(ctx, x, n); err != nil {
			return nil
		}
		at, to := s.target()
		a := s.put(ctx, to, fmt.Sprintf("%s/main/%d", x.ID, n), x, data)
		if a.status == http.StatusPreconditionFailed { // a node that does not have the init
			if a = s.put(ctx, to, x.ID+"/main/init", x, x.Init); a.taken() {
				a = s.put(ctx, to, fmt.Sprintf("%s/main/%d", x.ID, n), x, data)
			}
		}
		switch {
		case a.taken():
			s.connected(a.node, to)
			return x.Acked(n)
		case ctx.Err() != nil:
			return nil
		case a.fatal():
			return fmt.Errorf("%s refuses the stream: %s", to.name, a.detail)
		case a.lost():
			s.log.Error("a segment was refused for good; it is left out", "segment", n, "node", to.name, "status", a.status, "reason", a.detail)
			return x.Acked(n)
		}
		s.failed(at, to, a)
		if err := sleep(ctx, a.pause(tries, len(s.targets))); err != nil {
			return nil
		}
	}
}

// turnTime is how long a segment waits for the one before it to find a node.
const turnTime = time.Second

// turn waits until a segment may be sent: while it is not known who takes the stream, only the oldest may. Of
// two at once each could begin the session at another node behind a balancer, and one would end the other's.
// A little later the nodes know who has the session, and the first may be acknowledged only with the second.
func (s *sender) turn(ctx context.Context, x *Session, n uint64) error {
	for began := time.Now(); n > x.Oldest() && !s.taken() && time.Since(began) < turnTime; {
		if err := sleep(ctx, minPause/4); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// taken reports whether a node takes the stream.
func (s *sender) taken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node != ""
}

// goodbye tells the node where the session ends, so that it does not wait for more before it makes the
// last of it durable. It would notice anyway.
func (s *sender) goodbye(ctx context.Context, x *Session) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	_, to := s.target()
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, to.base+"/"+x.ID+"/", nil)
	if err != nil {
		return
	}
	r.Header.Set(push.HeaderNext, strconv.FormatUint(x.Next(), 10))
	if answer, err := s.client.Do(r); err == nil {
		io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
		answer.Body.Close()
	}
}

// answer is what became of a request.
type answer struct {
	status int // 0: no answer
	kind   string
	detail string
	node   string
	after  time.Duration // not to be tried again before
}

func (a answer) taken() bool { return a.status == http.StatusOK || a.status == http.StatusCreated }

// fatal reports whether no node will take anything of this stream.
func (a answer) fatal() bool {
	return a.status == http.StatusForbidden || a.status == http.StatusUnauthorized || a.status == http.StatusUnsupportedMediaType
}

// lost reports whether no node will take this segment.
func (a answer) lost() bool {
	return a.status == http.StatusConflict || a.status == http.StatusRequestEntityTooLarge || a.status == http.StatusBadRequest && a.kind != "cut_off"
}

// pause is how long to wait after so many tries. Before each target was tried once there is no reason to;
// nor is there where only this node goes away, and there may be others behind the same address.
func (a answer) pause(tries, targets int) time.Duration {
	switch {
	case tries+1 < targets:
		return 0
	case a.kind == push.Leaving.Kind && tries < targets+leavingTries:
		return minPause / 4
	}
	d := min(minPause<<min(tries/targets, 8), maxPause)
	return max(d, min(a.after, maxPause))
}

// leavingTries is how often a node that goes away is asked again at once.
const leavingTries = 4

// errSilent says that nothing moved for too long.
var errSilent = errors.New("it does not answer in time")

// body is a request's body that puts off its time-out as long as the line takes something, however slow.
type body struct {
	*bytes.Reader
	moved func()
}

func (b body) Read(p []byte) (int, error) {
	b.moved()
	return b.Reader.Read(p[:min(len(p), 64<<10)])
}

// put sends one object to one target.
func (s *sender) put(ctx context.Context, to target, name string, x *Session, data []byte) answer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(s.timeout, func() { cancel(errSilent) })
	defer patience.Stop()
	content := io.NopCloser(body{bytes.NewReader(data), func() { patience.Reset(s.timeout) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, to.base+"/"+name, content)
	if err != nil {
		return answer{detail: "malformed URL"}
	}
	r.ContentLength = int64(len(data))
	r.Header.Set("Content-Type", "video/mp4")
	r.Header.Set("User-Agent", "mayfly push")
	r.Header.Set(push.HeaderOldest, strconv.FormatUint(x.Oldest(), 10))
	response, err := s.client.Do(r)
	if err != nil {
		return answer{detail: reason(ctx, err)}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return answer{detail: reason(ctx, err)}
	}
	a := answer{status: response.StatusCode, node: response.Header.Get(push.HeaderNode), detail: response.Status}
	if after, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && after > 0 {
		a.after = time.Duration(min(after, 60)) * time.Second
	}
	var p struct{ Kind, Detail string }
	if json.Unmarshal(text, &p) == nil && p.Detail != "" {
		a.kind, a.detail = p.Kind, p.Detail
	}
	return a
}

// reason says why there was no answer, without the URL, which has the stream key in it.
func reason(ctx context.Context, err error) string {
	var timeout net.Error
	if context.Cause(ctx) == errSilent || errors.As(err, &timeout) && timeout.Timeout() {
		return errSilent.Error()
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return "nothing listens there, or it cannot be reached"
	}
	return "the connection was lost"
}

// target returns the one to try now.
func (s *sender) target() (int, target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.targets[s.current]
}

// connected notes that a node took a segment.
func (s *sender) connected(node string, to target) {
	if node == "" {
		node = to.name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node != node {
		s.log.Info("connected", "node", node, "via", to.name)
	}
	s.node, s.trouble = node, ""
	clear(s.told)
}

// failed notes that a target did not take a segment, and turns to the next one, if nobody has yet.
func (s *sender) failed(at int, to target, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[at] != a.detail {
		s.log.Warn("not taken; trying on", "node", to.name, "reason", a.detail)
	}
	s.told[at] = a.detail
	s.node, s.trouble = "", to.name+": "+a.detail
	if s.current == at {
		s.current = (at + 1) % len(s.targets)
	}
}

// sleep waits, or returns an error if ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
