package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ingest/push"
)

// pusher is a lossless publisher of one channel, as `mayfly push` is: it makes a piece whenever one is due, has
// two under way, and sends each again, to another node after a failure, until it is answered 201.
type pusher struct {
	reel    *reel
	channel int // its number
	slug    string
	key     string
	hosts   []string
	client  *http.Client

	mu      sync.Mutex
	rng     *rand.Rand
	at      int          // the host to try
	oldest  int          // the first piece that is not acknowledged
	done    map[int]bool // those behind it that are
	acks    []ack
	retries int
	trail   []string // what became of every request, for who looks into a fault
	refused []string // for good: pieces that no node will take
}

// ack is a piece that was answered 201.
type ack struct {
	piece int
	at    time.Time
	node  string // that wrote it
	sent  time.Duration
}

const (
	// pushAhead is how many pieces are under way: the first is acknowledged when the second is there.
	pushAhead = 2
	// pushPatience is how long a node may take to answer, as with `mayfly push` of several nodes.
	pushPatience = 4 * time.Second
)

// pushClient is shared by all pushers: a connection for each piece under way.
func pushClient(channels int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:  (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConns: 3 * channels, MaxIdleConnsPerHost: 3 * channels, IdleConnTimeout: 30 * time.Second,
	}}
}

// run makes pieces from a time on until ctx ends, and returns when all are acknowledged or lost ends.
func (p *pusher) run(ctx, lost context.Context, begin time.Time) {
	each := time.Duration(p.reel.per) * time.Second / reelRate
	slots := make(chan struct{}, pushAhead)
	var group sync.WaitGroup
	made := 0
	defer func() {
		group.Wait()
		if n := made - len(p.taken()); n > 0 {
			p.refused = append(p.refused, fmt.Sprintf("%s: %d pieces of %d were not taken in the end", p.slug, n, made))
		}
	}()
	for ; sleep(ctx, time.Until(begin.Add(time.Duration(made+1)*each))); made++ {
		select {
		case slots <- struct{}{}:
		case <-lost.Done():
			return
		}
		n := made
		group.Go(func() {
			p.send(lost, n)
			<-slots
		})
	}
	p.goodbye(lost, made)
}

// sleep waits, and reports whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(max(d, 0)):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// send sends a piece until it is answered 201.
func (p *pusher) send(ctx context.Context, n int) {
	data := p.reel.piece(p.channel, n)
	name := fmt.Sprintf("main/%d", n)
	for pause := 200 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 2*time.Second) {
		began := time.Now()
		at, host := p.host()
		status, node, text := p.put(ctx, host, name, data)
		if status == http.StatusPreconditionFailed { // a node that does not have the init
			if status, node, text = p.put(ctx, host, "main/init", p.reel.init); status == http.StatusCreated {
				status, node, text = p.put(ctx, host, name, data)
			}
		}
		p.mu.Lock()
		p.trail = append(p.trail, fmt.Sprintf("%s for %.2f s: piece %d at %s: %d %s %s", began.Format("15:04:05.000"), time.Since(began).Seconds(), n, host, status, node, text))
		p.mu.Unlock()
		switch status {
		case http.StatusCreated, http.StatusOK: // OK: a node before had it already
			p.acknowledged(ack{n, time.Now(), node, time.Since(began)})
			return
		case http.StatusConflict, http.StatusForbidden, http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
			p.mu.Lock()
			p.refused = append(p.refused, fmt.Sprintf("%s piece %d at %s: %d %s", began.Format("15:04:05.000"), n, host, status, text))
			p.mu.Unlock()
			return
		}
		p.failed(at)
		sleep(ctx, pause)
	}
}

// put sends one object; 0 is no answer.
func (p *pusher) put(ctx context.Context, host, name string, data []byte) (status int, node, text string) {
	ctx, cancel := context.WithTimeout(ctx, pushPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+host+"/push/"+p.key+"/swarm/"+name, bytes.NewReader(data))
	if err != nil {
		return 0, "", err.Error()
	}
	p.mu.Lock()
	r.Header.Set(push.HeaderOldest, strconv.Itoa(p.oldest))
	p.mu.Unlock()
	answer, err := p.client.Do(r)
	if no, ok := errors.AsType[*url.Error](err); ok { // its own text shows the stream key
		return 0, "", no.Err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return 0, "", err.Error()
	}
	return answer.StatusCode, answer.Header.Get(push.HeaderNode), string(body)
}

// goodbye says where the stream ends, so that the last piece waits for nothing more.
func (p *pusher) goodbye(ctx context.Context, next int) {
	ctx, cancel := context.WithTimeout(ctx, pushPatience)
	defer cancel()
	_, host := p.host()
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, "http://"+host+"/push/"+p.key+"/swarm/", nil)
	if err != nil {
		return
	}
	r.Header.Set(push.HeaderNext, strconv.Itoa(next))
	if answer, err := p.client.Do(r); err == nil {
		answer.Body.Close()
	}
}

func (p *pusher) host() (int, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at, p.hosts[p.at]
}

// failed turns to another host, any but the one that failed, unless that was done.
func (p *pusher) failed(at int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retries++
	if p.at == at {
		p.at = (at + 1 + p.rng.IntN(len(p.hosts)-1)) % len(p.hosts)
	}
}

func (p *pusher) acknowledged(a ack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acks = append(p.acks, a)
	p.done[a.piece] = true
	for ; p.done[p.oldest]; p.oldest++ {
		delete(p.done, p.oldest)
	}
}

// taken returns the pieces that were acknowledged so far, in the order of their coming.
func (p *pusher) taken() []ack {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acks[:len(p.acks):len(p.acks)]
}
