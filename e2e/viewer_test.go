package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// arrival is a piece of media that a viewer has.
type arrival struct {
	at       time.Time
	duration float64
	number   int64
	take     string
	uri      string
	whole    bool  // a segment that was listed as a whole, for viewers at standard latency
	pictures []int // of the film
	gap      bool
}

// viewer follows a channel as a player at low latency does: each part as soon as it is made, after a
// failure again 250 ms later. It has one address: a node's, or the front's.
type viewer struct {
	t       *testing.T
	host    string
	channel string
	read    func(media []byte) (pictures []int, err error) // nil: what it gets is not looked into
	move    func(host string) string                       // where to go when a host does not answer; nil: nowhere
	ledger  *ledger
	cancel  context.CancelFunc
	group   sync.WaitGroup
	client  *http.Client

	follower hlstest.Follower
	number   int64 // of the next part
	part     int
	segment  int64 // the next one that is not whole yet
	begun    bool

	mu     sync.Mutex
	got    []arrival
	faults []string
	slow   []string // requests that failed or took long, for who looks into a stall
}

// long is what a request takes that is worth a note: longer than a segment.
const long = 2500 * time.Millisecond

// retry is how long a viewer waits after a failed request.
const retry = 250 * time.Millisecond

// watch begins to watch a channel at an address.
func (f *fleet) watch(host, channel string, film *film) *viewer {
	v := &viewer{t: f.t, host: host, channel: channel, ledger: f.ledger}
	if film != nil {
		v.read = film.pictures
	}
	return v.begin()
}

func (v *viewer) begin() *viewer {
	v.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	v.group.Go(func() { v.run(ctx) })
	v.t.Cleanup(v.stop)
	return v
}

func (v *viewer) stop() {
	v.cancel()
	v.group.Wait()
	v.client.CloseIdleConnections()
}

func (v *viewer) run(ctx context.Context) {
	for ctx.Err() == nil {
		path := "/" + v.channel + "/main.m3u8"
		if v.begun {
			path += fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", v.number, v.part)
		}
		status, header, body, err := v.get(ctx, path)
		if err == nil && status == http.StatusOK && v.playlist(ctx, header.Get("X-Mayfly-Node"), body) {
			continue
		}
		if err != nil && v.move != nil {
			v.host = v.move(v.host)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

func (v *viewer) get(ctx context.Context, path string) (status int, header http.Header, body string, err error) {
	began := time.Now()
	if status, header, body, err = v.fetch(ctx, path); err != nil || status != http.StatusOK || time.Since(began) > long {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.slow = append(v.slow, fmt.Sprintf("%s for %.2f s: %s of %s: %d %v", began.Format("15:04:05.000"), time.Since(began).Seconds(), path, header.Get("X-Mayfly-Node"), status, err))
	}
	return status, header, body, err
}

func (v *viewer) fetch(ctx context.Context, path string) (int, http.Header, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.host+path, nil)
	if err != nil {
		return 0, nil, "", err
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, err = copyBounded(&text, resp.Body)
	return resp.StatusCode, resp.Header, text.String(), err
}

func (v *viewer) fault(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults = append(v.faults, fmt.Sprintf("%s viewer at %s of %s: ", time.Now().Format("15:04:05.000"), v.host, v.channel)+fmt.Sprintf(format, args...))
}

// playlist takes in one playlist, and fetches what is new. It reports whether there was something new.
func (v *viewer) playlist(ctx context.Context, node, text string) (news bool) {
	for _, err := range v.follower.Next([]byte(text)) {
		v.fault("playlist of %s: %v", node, err)
	}
	p, _ := hlstest.Parse([]byte(text))
	v.ledger.note(v.channel, node, p)
	n := len(p.Segments)
	if n == 0 {
		return false
	}
	if !v.begun { // as players do: from the newest segment on
		v.begun = true
		v.number, v.part, v.segment = p.Segments[n-1].Number, 0, p.Segments[max(0, n-6)].Number
	}
	if v.number < p.Sequence { // a leap, or it was away for a minute
		v.number, v.part = p.Sequence, 0
	}
	for _, s := range p.Segments {
		if s.Number >= v.segment && s.URI != "" {
			v.keep(arrival{at: time.Now(), duration: s.Duration, number: s.Number, take: takeOf(s.URI), whole: true, gap: s.Gap})
			v.segment = s.Number + 1
		}
		if s.Number >= v.number {
			news = v.parts(ctx, s) || news
		}
	}
	return news
}

// parts fetches what is new of a segment.
func (v *viewer) parts(ctx context.Context, s hlstest.Segment) (news bool) {
	if s.Number > v.number {
		v.number, v.part = s.Number, 0
	}
	if s.URI != "" && (len(s.Parts) == 0 || s.Gap) {
		if v.part == 0 || s.Gap {
			news = v.take(ctx, s.Number, s.URI, s.Duration, s.Gap)
		}
		v.number, v.part = s.Number+1, 0
		return news
	}
	for v.part < len(s.Parts) {
		part := s.Parts[v.part]
		if !v.take(ctx, s.Number, part.URI, part.Duration, part.Gap) {
			return news
		}
		v.part++
		news = true
	}
	if s.URI != "" {
		v.number, v.part = s.Number+1, 0
		news = true
	}
	return news
}

// take fetches one piece. It is tried again with the next playlist if it cannot be had now.
func (v *viewer) take(ctx context.Context, number int64, uri string, duration float64, gap bool) bool {
	a := arrival{duration: duration, number: number, take: takeOf(uri), uri: uri, gap: gap}
	if !gap {
		status, _, body, err := v.get(ctx, uri)
		if err != nil || status != http.StatusOK {
			if ctx.Err() == nil && err == nil && status != http.StatusServiceUnavailable {
				v.fault("%s is listed and answers %d", uri, status)
			}
			return false
		}
		if v.read != nil {
			if a.pictures, err = v.read([]byte(body)); err != nil {
				v.fault("%s: %v", uri, err)
			}
		}
	}
	a.at = time.Now()
	v.keep(a)
	return true
}

func (v *viewer) keep(a arrival) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.got = append(v.got, a)
}

// takeOf returns the take's id of a media address.
func takeOf(uri string) string {
	fields := strings.Split(strings.TrimPrefix(uri, "/media/"), "/")
	return fields[0]
}

// has returns what the viewer has, parts or whole segments.
func (v *viewer) has(whole bool) (list []arrival) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, a := range v.got {
		if a.whole == whole {
			list = append(list, a)
		}
	}
	return list
}

// seen returns the longest stall at low and at standard latency in a time, as a player would have it.
func (v *viewer) seen(from, to time.Time) (low, standard float64) {
	low = stall(v.has(false), partHold, from, to)
	return low, stall(v.has(true), segmentHold, from, to)
}

// newPictures returns how long after a time the first picture of a take came that was not on air before.
func (v *viewer) newPictures(since time.Time) (took float64, ok bool) {
	old := map[string]bool{}
	for _, a := range v.has(false) {
		switch {
		case a.at.Before(since):
			old[a.take] = true
		case !a.gap && !old[a.take]:
			return a.at.Sub(since).Seconds(), true
		}
	}
	return 0, false
}

// What a player buffers before it begins: PART-HOLD-BACK and HOLD-BACK.
const (
	partHold    = 0.75
	segmentHold = 12
	resume      = 0.5 // after a stall
)

// stall plays what arrived with a player that begins when it has hold seconds, and returns the longest
// time between from and to for which it had nothing to show.
func stall(got []arrival, hold float64, from, to time.Time) (longest float64) {
	var buffered, need float64 = 0, hold
	var at, dry time.Time // dry: since when there is nothing to show
	ended := func(now time.Time) {
		begin, end := dry, now
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		longest = max(longest, end.Sub(begin).Seconds())
	}
	playing := false
	advance := func(now time.Time) {
		if playing {
			if buffered -= now.Sub(at).Seconds(); buffered <= 0 {
				playing, need = false, resume
				dry = now.Add(time.Duration(buffered * float64(time.Second)))
				buffered = 0
			}
		}
		at = now
	}
	for _, a := range got {
		advance(a.at)
		if !a.gap {
			buffered += a.duration
		}
		if !playing && buffered >= need {
			playing = true
			if !dry.IsZero() {
				ended(a.at)
			}
		}
	}
	advance(to)
	if !playing && !dry.IsZero() {
		ended(to)
	}
	return longest
}

// TestStall checks the player that measures.
func TestStall(t *testing.T) {
	base := time.Unix(1000, 0)
	second := func(s float64) time.Time { return base.Add(time.Duration(s * float64(time.Second))) }
	var got []arrival
	for i := range 20 {
		got = append(got, arrival{at: second(float64(i) / 4), duration: 0.25})
	}
	if s := stall(got, partHold, second(1), second(5)); s != 0 {
		t.Errorf("a steady stream stalls for %.3f s", s)
	}
	// The last part came at 4.75 s with 0.75 s to go; nothing more until 10 s, when there is one part of two.
	got = append(got, arrival{at: second(10), duration: 0.25}, arrival{at: second(10.2), duration: 0.25})
	if s := stall(got, partHold, second(1), second(12)); s < 4.69 || s > 4.71 {
		t.Errorf("from 5.5 s to 10.2 s: %.3f s, want 4.7", s)
	}
	if s := stall(got[:20], partHold, second(1), second(12)); s < 6.49 || s > 6.51 {
		t.Errorf("no end of the stall: %.3f s, want 6.5", s)
	}
}
