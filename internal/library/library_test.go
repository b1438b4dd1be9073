package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// sender sends a file by the tus protocol to one of several nodes.
type sender struct {
	t     *testing.T
	nodes []*httptest.Server
}

func (s *sender) do(node int, method string, body io.Reader, headers ...string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.nodes[node].URL, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.nodes[node].Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

func (s *sender) patch(node, from int, data []byte) *http.Response {
	return s.do(node, "PATCH", bytes.NewReader(data), "Upload-Offset", fmt.Sprint(from), "Content-Type", "application/offset+octet-stream")
}

// A file is sent in pieces of all sizes, each to another node, and is there as it was.
func TestUpload(t *testing.T) {
	b := bucket.NewMem()
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	first := newLibrary(t, b, "a", nil)
	c, err := first.Add(t.Context(), someChannel, Arrival{Bytes: int64(len(data)), Origin: Origin{Kind: FromUpload, File: "film.mp4"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t}
	for range 2 {
		l := newLibrary(t, b, "a", nil)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.ServeUpload(w, r, someChannel, c.ID) }))
		defer server.Close()
		s.nodes = append(s.nodes, server)
	}
	at := 0
	for i, n := range []int{1, 100_000, 9 << 20, 3, 1 << 20} {
		answer := s.patch(i%2, at, data[at:at+n])
		if at += n; answer.StatusCode != 204 || answer.Header.Get("Upload-Offset") != fmt.Sprint(at) {
			t.Fatalf("piece %d: %s, offset %s, want %d", i, answer.Status, answer.Header.Get("Upload-Offset"), at)
		}
		if answer := s.patch(i%2, at-n, data[at-n:at]); answer.StatusCode != 409 {
			t.Fatalf("the same piece again: %s", answer.Status)
		}
		if answer := s.do((i+1)%2, "HEAD", nil); answer.Header.Get("Upload-Offset") != fmt.Sprint(at) || answer.Header.Get("Upload-Length") != fmt.Sprint(len(data)) {
			t.Fatalf("the other node says %v", answer.Header)
		}
	}
	if answer := s.patch(0, at, append(data[at:], 'x')); answer.StatusCode != 413 {
		t.Errorf("more than was said: %s", answer.Status)
	}
	if answer := s.patch(0, at, data[at:]); answer.StatusCode != 204 {
		t.Fatalf("the end: %s", answer.Status)
	}
	if c, err = first.Clip(t.Context(), someChannel, c.ID); err != nil || c.State != Waiting {
		t.Fatalf("it is %s, %v", c.State, err)
	}
	pieces, err := first.pieces(t.Context(), someChannel, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, p := range pieces {
		o, err := b.Get(t.Context(), p.key)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Data...)
	}
	if !bytes.Equal(got, data) {
		t.Errorf("%d bytes are there, want the %d that were sent", len(got), len(data))
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		if answer := s.do(0, method, nil); answer.StatusCode != 405 {
			t.Errorf("%s: %s", method, answer.Status)
		}
	}
}

// The end of a file has come, and the node died before it said so to anybody: whoever asks next finds it complete.
func TestUploadEndsWithoutAWord(t *testing.T) {
	l := newLibrary(t, bucket.NewMem(), "a", nil)
	c, err := l.Add(t.Context(), someChannel, Arrival{Bytes: 5, Origin: Origin{Kind: FromUpload, File: "a.mp4"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.putOnce(t.Context(), pieceKey(someChannel, c.ID, 0), bucket.Bytes([]byte("12345"))); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	l.ServeUpload(w, httptest.NewRequest("HEAD", "/", nil), someChannel, c.ID)
	if c, _ = l.Clip(t.Context(), someChannel, c.ID); w.Header().Get("Upload-Offset") != "5" || c.State != Waiting {
		t.Errorf("offset %s, and it is %s", w.Header().Get("Upload-Offset"), c.State)
	}
	if w := httptest.NewRecorder(); true {
		l.ServeUpload(w, httptest.NewRequest("HEAD", "/", nil), someChannel, "ffffffffffffffff")
		if w.Code != 404 {
			t.Errorf("a clip that is not there: %d", w.Code)
		}
	}
}

func TestQuota(t *testing.T) {
	l := newLibrary(t, bucket.NewMem(), "a", nil)
	l.cfg.Quota = Quota{Bytes: 1000, Clips: 3}
	add := func(bytes int64) error {
		_, err := l.Add(t.Context(), someChannel, Arrival{Bytes: bytes, Origin: Origin{Kind: FromUpload, File: "a.mp4"}})
		return err
	}
	for _, tc := range []struct {
		bytes int64
		full  bool
	}{{900, false}, {200, true}, {50, false}, {50, false}, {1, true}} {
		if err := add(tc.bytes); errors.Is(err, ErrFull) != tc.full || err != nil && !tc.full {
			t.Errorf("%d bytes: %v", tc.bytes, err)
		}
	}
	clips, used, _, err := l.Clips(t.Context(), someChannel)
	if err != nil || used != (Quota{1000, 3}) {
		t.Fatalf("used %v, %v", used, err)
	}
	if err := l.Delete(t.Context(), someChannel, clips[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := add(10); err != nil {
		t.Errorf("there is room again: %v", err)
	}
}

// A clip that was deleted is gone at once, on the node that was asked, soon on the others, and then its bytes.
func TestDelete(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	b := bucket.NewMem()
	l, other := newLibrary(t, b, "a", clock), newLibrary(t, b, "b", clock)
	c := convert(t, l, makeFile(t, "a.jpg", join("-f lavfi -i color=red:s=64x64 -frames:v 1")...), Origin{Seconds: 2})
	a := media.Address{Take: c.Take, Rendition: media.Main}
	for _, n := range []*Library{l, other} {
		if _, err := n.Open(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	l.cfg.Played = func(_ context.Context, channel string, take media.TakeID) (string, error) {
		if channel != someChannel || take != c.Take {
			t.Errorf("asked who plays take %s of %s", take, channel)
		}
		return "the plan of channel News", nil
	}
	if err := l.Delete(t.Context(), someChannel, c.ID); !errors.Is(err, ErrPlayed) || !strings.Contains(err.Error(), "channel News") {
		t.Errorf("a clip that a plan plays was deleted: %v", err)
	}
	l.cfg.Played = func(context.Context, string, media.TakeID) (string, error) { return "", nil }
	if err := l.Delete(t.Context(), someChannel, c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Open(t.Context(), a); !errors.Is(err, take.ErrNoMedia) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := other.Open(t.Context(), a); err != nil {
		t.Fatalf("on another node, which has not heard of it: %v", err)
	}
	other.Doubt(someChannel)
	if _, err := other.Open(t.Context(), a); !errors.Is(err, take.ErrNoMedia) {
		t.Errorf("it is there on another node that has heard of it: %v", err)
	}
	now = now.Add(shelfLife + time.Second)
	if _, err := other.Open(t.Context(), a); !errors.Is(err, take.ErrNoMedia) {
		t.Errorf("it is still there on another node: %v", err)
	}
	if err := other.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectLeft(t, l, "jobs/sweep")
	if s, _ := l.shelf(t.Context(), someChannel); len(s.Gone) > 0 || len(s.Clips) > 0 {
		t.Errorf("the shelf has %v", s)
	}
}

// Files that nobody goes on sending, and everything of a channel that was deleted, are removed.
func TestSweep(t *testing.T) {
	now := time.Now()
	l := newLibrary(t, bucket.NewMem(), "a", func() time.Time { return now })
	c, err := l.Add(t.Context(), someChannel, Arrival{Bytes: 50, Origin: Origin{Kind: FromUpload, File: "a.mp4"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.putOnce(t.Context(), pieceKey(someChannel, c.ID, 0), bucket.Bytes([]byte("12345"))); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, abandonedAfter - time.Hour} {
		now = time.Now().Add(later)
		if err := l.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Clip(t.Context(), someChannel, c.ID); err != nil {
			t.Fatalf("after %v: %v", later, err)
		}
	}
	for range 2 { // it is given up, and then its bytes go
		now = now.Add(abandonedAfter)
		if err := l.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Clip(t.Context(), someChannel, c.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
	expectLeft(t, l, "jobs/sweep")

	if _, err := l.SaveStoryboard(t.Context(), someChannel, Storyboard{Name: "Morning"}, nil); err != nil {
		t.Fatal(err)
	}
	l.cfg.Lives = func(string) (bool, bool) { return false, true }
	now = now.Add(time.Hour)
	if err := l.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	bucket.All(context.Background(), l.bucket, shelfPrefix, func(e bucket.Entry) error { t.Errorf("%s is left over", e.Key); return nil })
}

func TestStoryboards(t *testing.T) {
	l := newLibrary(t, bucket.NewMem(), "a", nil)
	ctx := t.Context()
	clips := []Placed{{someChannel, "00000000000000a1"}, {someChannel, "00000000000000a2"}}
	b, err := l.SaveStoryboard(ctx, someChannel, Storyboard{Name: "Morning"}, clips)
	if err != nil || b.Version != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	second := b
	second.Shared = true
	if second, err = l.SaveStoryboard(ctx, someChannel, second, clips[1:]); err != nil || second.Version != 2 {
		t.Fatalf("%+v, %v", second, err)
	}
	if _, err := l.SaveStoryboard(ctx, someChannel, b, nil); !errors.Is(err, ErrChanged) {
		t.Errorf("a change of what somebody else has changed: %v", err)
	}
	if old, err := l.Version(ctx, b); err != nil || len(old) != 2 {
		t.Errorf("the first version has %v, %v", old, err)
	}
	const another = "ffeeddccbbaa0099"
	if err := l.Borrow(ctx, another, Borrowed{someChannel, b.ID}); err != nil {
		t.Fatal(err)
	}
	if got, placed, err := l.Storyboard(ctx, another, b.ID); err != nil || got.Version != 2 || len(placed) != 1 {
		t.Errorf("borrowed: %+v, %v, %v", got, placed, err)
	}
	second.Shared = false
	if _, err = l.SaveStoryboard(ctx, someChannel, second, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Storyboard(ctx, another, b.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("shared no more: %v", err)
	}
	if err := l.Borrow(ctx, another, Borrowed{someChannel, b.ID}); !errors.Is(err, ErrNotFound) {
		t.Errorf("borrowing what is not shared: %v", err)
	}
	if err := l.DeleteStoryboard(ctx, someChannel, b.ID); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteStoryboard(ctx, someChannel, b.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	for _, tc := range []Storyboard{{Name: ""}, {Name: strings.Repeat("x", 121)}, {Name: "a\x00b"}} {
		if _, err := l.SaveStoryboard(ctx, someChannel, tc, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", tc.Name, err)
		}
	}
	if _, err := l.SaveStoryboard(ctx, someChannel, Storyboard{Name: "x"}, []Placed{{"../x", "y"}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a clip that is no id: %v", err)
	}
}

func TestChange(t *testing.T) {
	l := newLibrary(t, bucket.NewMem(), "a", nil)
	c := convert(t, l, makeFile(t, "my_holiday.jpg", join("-f lavfi -i color=red:s=64x64 -frames:v 1")...), Origin{Seconds: 7})
	if c.Title != "my holiday" {
		t.Errorf("its title is %q", c.Title)
	}
	in, out, title, tags := media.Ticks(3*media.TicksPerSecond), media.Ticks(5*media.TicksPerSecond), " Two  words ", []string{"a", "a", " b "}
	c, err := l.Change(t.Context(), someChannel, c.ID, Change{Title: &title, Tags: &tags, In: &in, Out: &out})
	if err != nil || c.Title != "Two words" || len(c.Tags) != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	listing, err := l.Listing(t.Context(), c.Take)
	if err != nil {
		t.Fatal(err)
	}
	if from, to := c.Played(listing); from != 1 || to != 3 {
		t.Errorf("it plays segments %d to before %d, want 1 to 3", from, to)
	}
	film, err := l.Film(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := film.WriteTo(t.Context(), &file, func() error { return nil }); err != nil || int64(file.Len()) != film.Size {
		t.Fatalf("%d bytes of %d, %v", file.Len(), film.Size, err)
	}
	if got := countOf(frames(t, file.Bytes(), "packet=codec_type"), "video"); got != 40 {
		t.Errorf("%d pictures, want those of 4 s", got)
	}
	for _, bad := range []Change{{In: &out, Out: &in}, {Out: ptr(media.Ticks(1 << 40))}, {Title: ptr("")}, {Title: ptr("a\nb\x01")}, {Tags: &[]string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}}} {
		if _, err := l.Change(t.Context(), someChannel, c.ID, bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	changed, err := l.SetPoster(t.Context(), someChannel, c.ID, 4*media.TicksPerSecond)
	if err != nil || changed.Poster != c.Poster+1 {
		t.Errorf("poster %d, %v", changed.Poster, err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestLease(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var l lease
	must := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	must("free", l.take("a", t0), nil)
	must("held", l.take("b", t0.Add(leaseTime-1)), errHeld)
	must("even by oneself", l.take("a", t0.Add(1)), errHeld)
	must("goes on", l.renew("a", 1, t0.Add(leaseTime/2)), nil)
	must("still held", l.take("b", t0.Add(leaseTime)), errHeld)
	must("comes late, and nobody else did", l.renew("a", 1, t0.Add(3*leaseTime)), nil)
	must("run out", l.take("b", t0.Add(4*leaseTime)), nil)
	must("taken over", l.renew("a", 1, t0.Add(4*leaseTime)), errLost)
	must("not another's to give back", l.release("a", 1), errLost)
	must("given back", l.release("b", 2), nil)
	must("free at once", l.take("a", t0.Add(4*leaseTime)), nil)
	must("another term of one's own", l.renew("a", 1, t0.Add(4*leaseTime)), errLost)
}

func TestNext(t *testing.T) {
	made, end := &trailer{}, &trailer{End: true}
	for _, tc := range []struct {
		clip *Clip
		last *trailer
		want step
	}{
		{nil, nil, stepClean}, {nil, end, stepClean}, {&Clip{State: Uploading}, nil, stepConvert}, {&Clip{State: Waiting}, nil, stepConvert},
		{&Clip{State: Converting}, made, stepConvert}, {&Clip{State: Converting}, end, stepFinish}, {&Clip{State: Waiting}, end, stepFinish},
		{&Clip{State: Ready}, end, stepClean}, {&Clip{State: Failed}, made, stepClean},
	} {
		if got := next(tc.clip, tc.last); got != tc.want {
			t.Errorf("%+v, %+v: %d, want %d", tc.clip, tc.last, got, tc.want)
		}
	}
}

func TestRates(t *testing.T) {
	for fps, want := range map[float64]string{0: "30/1", 1: "10/1", 23.976: "24000/1001", 24: "24/1", 25: "25/1", 29.97: "30000/1001", 29.5: "30000/1001", 30: "30/1", 59.94: "60000/1001", 60: "60/1", 120: "60/1", 17: "24000/1001"} {
		if got := rateFor(fps).String(); got != want {
			t.Errorf("%v: %s, want %s", fps, got, want)
		}
	}
}

func TestTitleOf(t *testing.T) {
	for file, want := range map[string]string{"a_b.mp4": "a b", `C:\films\My film.MOV`: "My film", "": "Untitled", ".mp4": "Untitled", strings.Repeat("ä", 300): strings.Repeat("ä", maxTitle)} {
		if got := titleOf(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"take":{"renditions":[{"name":"main"}]},"channel":"00112233445566aa","clip":"00112233445566aa","pieces":[{"bytes":7,"segments":"AQEBAwcA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readIndex(data)
		if err == nil && len(r.places) != len(r.listing.Segments) {
			t.Fatal("a segment without a place")
		}
	})
}

func FuzzTrailer(f *testing.F) {
	body, _ := (&trailer{Segments: packSegments([][]media.PartInfo{{{Duration: 3, Spans: []uint32{1, 2}}}})}).seal(nil)
	f.Add(bytes.Join(body, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tr, more, err := readTrailer(data); err == nil && more == 0 {
			unpackSegments(tr.Segments)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov\x00\x00\x00\x08mdat"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &maker{plan: &plan{}, span: pieceSpan, put: func(int, bucket.Body) error { return nil }, tell: func(media.Ticks) {}}
		if m.read(bytes.NewReader(data)) == nil {
			m.finish()
		}
	})
}
