package graphics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/bucket"
)

var t0 = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)

func lower(title string) Content { return Content{Kind: LowerThird, Title: title} }

// TestRemove removes all graphics of one channel.
func TestRemove(t *testing.T) {
	docs := bucket.NewDocuments(bucket.NewMem())
	s := NewStore(docs)
	for _, channel := range []string{"a", "ab"} {
		if _, err := s.Update(t.Context(), channel, func(b *Board) error { return b.Add(Graphic{ID: "x", Content: lower("Ada")}) }); err != nil {
			t.Fatal(err)
		}
		for n := range headLength + 2 {
			if _, err := s.Change(t.Context(), channel, func(x *Shown) {
				x.Show(Showing{Graphic: "x", Content: lower("Ada")}, 1, t0.Add(time.Duration(n)*time.Minute))
			}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Rehearse(t.Context(), channel, func(x *Shown) { x.Show(Showing{Graphic: "x", Content: lower("Ada")}, 0, time.Now()) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	left := map[string]int{}
	if err := bucket.All(t.Context(), docs.Bucket(), "graphics/", func(e bucket.Entry) error { left[strings.Split(e.Key, "/")[1]]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if left["a"] != 0 || left["ab"] < 4 {
		t.Errorf("documents by channel: %v", left)
	}
}

// TestBoard prepares graphics, changes and moves them, and refuses what is none.
func TestBoard(t *testing.T) {
	b := Board{}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		must(b.Add(Graphic{ID: id, Content: lower(" " + id + " ")}))
	}
	must(b.Move("c", ""))
	must(b.Change("a", 1, func(g *Graphic) { g.Title, g.Kind = "Ada", Ticker }))
	if g := b.Graphic("a"); b.Graphics[0].ID != "c" || g.Title != "Ada" || g.Kind != LowerThird || g.Version != 2 {
		t.Errorf("the board is %+v", b)
	}
	if err := b.Change("a", 1, func(*Graphic) {}); !errors.Is(err, ErrChanged) {
		t.Errorf("a change of what somebody else has changed: %v", err)
	}
	must(b.Remove("b"))
	must(b.Set(Look{Font: "serif", Ground: "#AABBCC"}))
	if b.Look.Ground != "#aabbcc" {
		t.Errorf("the look is %+v", b.Look)
	}
	for _, err := range []error{b.Remove("b"), b.Move("b", ""), b.Move("a", "b"), b.Change("b", 1, func(*Graphic) {}), b.Illustrate("b", "x")} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("what is done with a removed graphic: %v", err)
		}
	}
	for _, l := range []Look{{Font: "comic"}, {Ground: "red"}, {Accent: "#12345"}, {Accent: `#00000"`}} {
		if err := b.Set(l); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	long := strings.Repeat("x", maxTitle+1)
	items := make([]string, maxItems+1)
	for i := range items {
		items[i] = "item"
	}
	for _, c := range []Content{
		{}, {Kind: "banner", Title: "x"}, {Kind: LowerThird}, lower(long), lower("a\nb"), lower("a\x00"), lower("\xff"),
		{Kind: Ticker}, {Kind: Ticker, Lines: items}, {Kind: Ticker, Lines: items[:1], Speed: 6}, {Kind: Ticker, Lines: []string{"\u2028x\u2028y"}},
		{Kind: ComingUp, Lines: items[:5]}, {Kind: Countdown}, {Kind: Chat, Title: "x"}, {Kind: Picture, Place: "top"}, {Kind: Picture, Reload: 10},
		{Kind: LowerThird, Title: "x", Text: strings.Repeat("x", maxText+1)}, {Kind: Ticker, Lines: slices.Repeat([]string{strings.Repeat("ж<", maxLine/2)}, maxItems)},
	} {
		if err := b.Add(Graphic{ID: "x", Content: c}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, g := range []Graphic{{Address: "file:///etc/passwd"}, {Address: "http://a:b@example.org/"}, {Lasts: -1}, {Name: long}, {Address: "https://example.org/a.png", Content: Content{Reload: 1}}} {
		g.Kind = Picture
		if err := b.Add(g); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", g, err)
		}
	}
	for i := len(b.Graphics); i < MaxGraphics; i++ {
		must(b.Add(Graphic{ID: fmt.Sprint(i), Content: lower("x")}))
	}
	if err := b.Add(Graphic{ID: "x", Content: lower("x")}); !errors.Is(err, ErrInvalid) {
		t.Errorf("one too many: %v", err)
	}
}

// titles of what is shown at a moment.
func titles(all []Showing, at time.Time) string {
	var found []string
	for _, s := range all {
		if !s.From.After(at) && s.open(at) {
			found = append(found, s.Title)
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// TestShow shows and hides: of two on one layer one is shown, what is shown again as it is goes on, and what is shown
// again changed is changed at that moment.
func TestShow(t *testing.T) {
	s := Shown{}
	at := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Second) }
	s.Show(Showing{Graphic: "a", Content: lower("Ada")}, 0, at(1))
	s.Show(Showing{Graphic: "a", Content: lower("Ada")}, 0, at(2))
	s.Show(Showing{Graphic: "t", Content: Content{Kind: Ticker, Title: "news"}}, 0, at(2))
	s.Show(Showing{Graphic: "b", Content: lower("Bob")}, 0, at(3))
	s.Show(Showing{Graphic: "b", Content: lower("Bobby")}, 0, at(4))
	s.Show(Showing{Graphic: "f", Content: Content{Kind: Sting, Title: "sting"}}, 3, at(5))
	s.Hide("b", at(6))
	s.Hide("b", at(7))
	s.Hide("", at(10))
	for n, want := range []string{"", "Ada", "Ada news", "Bob news", "Bobby news", "Bobby news sting", "news sting", "news sting", "news", "news", ""} {
		if got := titles(s.Showings, at(n)); got != want {
			t.Errorf("at %d s %q is shown, want %q", n, got, want)
		}
	}
	if s.Last != 5 {
		t.Errorf("%d showings, want 5", s.Last)
	}
	s.Hide("", at(20))
	if got := titles(s.Showings, at(15)); got != "" {
		t.Errorf("what has ended goes on: %q", got)
	}
	s.Show(Showing{Graphic: "a", Content: lower("Ada")}, 0, at(30))
	s.Hide("a", at(29)) // a node that is behind
	if x := s.Showings[len(s.Showings)-1]; !x.Until.Equal(x.From) {
		t.Errorf("it ends before it begins: %+v", x)
	}
}

// TestLog shows and hides at random, far more than a document holds: whatever stretch is asked for says what was
// shown at each moment of it.
func TestLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := NewStore(bucket.NewDocuments(bucket.NewMem()))
	type moment struct {
		at   time.Time
		want string
	}
	var moments []moment
	now := t0
	for i := range 400 {
		now = now.Add(time.Duration(rng.IntN(4000)) * time.Millisecond)
		x, err := s.Change(t.Context(), "c", func(x *Shown) {
			switch n := rng.IntN(4); n {
			case 3:
				x.Hide([]string{"0", "1", "2", ""}[rng.IntN(4)], now)
			default:
				kind := []Kind{LowerThird, Ticker, Bug}[n]
				x.Show(Showing{Graphic: fmt.Sprint(n), Content: Content{Kind: kind, Title: fmt.Sprint("g", i)}}, rng.IntN(3), now)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Showings) > headLength+pageLength {
			t.Fatalf("%d showings in one document", len(x.Showings))
		}
		// What is asked for lies before the next change.
		moments = append(moments, moment{now, titles(x.Since(now), now)})
		now = now.Add(time.Millisecond)
	}
	x, err := s.Shown(t.Context(), "c")
	if err != nil || len(x.Pages) < 5 {
		t.Fatalf("%d pages, %v", len(x.Pages), err)
	}
	for range 100 {
		i := rng.IntN(len(moments))
		m := moments[i]
		all, err := s.Log(t.Context(), "c", m.at.Add(-time.Duration(rng.IntN(10))*time.Second), m.at.Add(time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		if got := titles(all, m.at); got != m.want {
			t.Errorf("at %v %q was shown, the log says %q", m.at, m.want, got)
		}
	}
}

// TestTogether has two stores of one bucket change what is shown at once: nothing is lost, and each knows of it when
// it is told of another revision.
func TestTogether(t *testing.T) {
	docs := bucket.NewDocuments(bucket.NewMem())
	one, other := NewStore(docs), NewStore(docs)
	if x, err := other.Now(t.Context(), "c", 1); err != nil || x.Last != 0 {
		t.Fatalf("a channel without graphics: %v, %v", x, err)
	}
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			s := []*Store{one, other}[i%2]
			if _, err := s.Change(t.Context(), "c", func(x *Shown) { x.Show(Showing{Graphic: fmt.Sprint(i), Content: lower(fmt.Sprint(i))}, 0, t0) }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if x, _ := other.Now(t.Context(), "c", 1); x.Last != 0 {
		t.Errorf("it was read again although nobody said that it changed")
	}
	x, err := other.Now(t.Context(), "c", 2)
	if err != nil || x.Last != 60 {
		t.Errorf("%d showings, %v", x.Last, err)
	}
	all, err := one.Log(t.Context(), "c", t0.Add(-time.Second), t0.Add(time.Second))
	if open := x.Since(t0); err != nil || len(open) != 1 || len(all) == 0 {
		t.Errorf("%d are shown at once on one layer, %d in the log, %v", len(open), len(all), err)
	}
}

// web answers instead of the net.
type web struct {
	asked  int
	answer func() (*http.Response, error)
}

func (w *web) Get(context.Context, string, int64) (*http.Response, error) {
	w.asked++
	return w.answer()
}

// TestPictures fetches a picture that changes: once in a while however many ask, and the one before stays when it
// cannot be had.
func TestPictures(t *testing.T) {
	body := "one"
	w := &web{answer: func() (*http.Response, error) {
		if body == "" {
			return nil, errors.New("the server is away")
		}
		return &http.Response{Body: io.NopCloser(strings.NewReader(body))}, nil
	}}
	p := NewPictures(w, func(_ context.Context, _ artwork.Kind, data []byte) (artwork.File, error) {
		if bytes.Equal(data, []byte("no picture")) {
			return artwork.File{}, artwork.ErrInvalid
		}
		return artwork.File{Name: "made.png", Data: data}, nil
	})
	check := func(every time.Duration, want string, asked int) {
		t.Helper()
		if f, err := p.Newest(t.Context(), "https://example.org/a.png", every); err != nil || string(f.Data) != want || w.asked != asked {
			t.Errorf("%q, %v, asked %d times; want %q, %d", f.Data, err, w.asked, want, asked)
		}
	}
	check(time.Hour, "one", 1)
	body = "two"
	check(time.Hour, "one", 1)
	check(0, "two", 2)
	body = "no picture"
	check(0, "two", 3)
	body = ""
	check(0, "two", 4)
	if _, err := p.Newest(t.Context(), "https://example.org/none.png", time.Hour); !errors.Is(err, ErrNotFound) {
		t.Errorf("an address without a picture: %v", err)
	}
}
