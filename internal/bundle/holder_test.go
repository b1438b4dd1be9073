package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// words are records whose texts say which they are.
func words(texts ...string) []Item {
	items := make([]Item, len(texts))
	for i, text := range texts {
		items[i] = Item{Record: Record{Kind: KindEnd, Take: media.TakeID{1}, End: text}}
	}
	return items
}

func frameOf(t *testing.T, sequence, lines uint64, whole bool, texts ...string) Frame {
	t.Helper()
	body, _, err := Encode(words(texts...))
	if err != nil {
		t.Fatal(err)
	}
	return Frame{Sequence: sequence, Lines: lines, Whole: whole, Body: body}
}

func add(t *testing.T, h *Holder, want uint64, frames ...Frame) {
	t.Helper()
	for _, f := range frames {
		lines, err := h.Add(f)
		if err != nil || !f.Landed && lines != want && f.Lines == want {
			t.Fatalf("Add(%d, %d lines) = %d, %v, want %d", f.Sequence, f.Lines, lines, err, want)
		}
	}
}

func textsOf(items []Item) (out []string) {
	for _, i := range items {
		out = append(out, i.Record.End)
	}
	return out
}

// holds checks what a holder holds.
func holds(t *testing.T, h *Holder, want ...string) {
	t.Helper()
	items, err := h.Items()
	if got := textsOf(items); err != nil || !slices.Equal(got, want) {
		t.Errorf("it holds %v, %v, want %v", got, err, want)
	}
	var bytes int64
	files, _ := filepath.Glob(filepath.Join(h.dir, "????????????????"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			bytes += info.Size()
		}
	}
	if h.Bytes() != bytes {
		t.Errorf("it says that it holds %d bytes, and there are %d", h.Bytes(), bytes)
	}
}

func newHolder(t *testing.T) (*Spool, *Holder, Incarnation) {
	t.Helper()
	i := NewIncarnation("writer", time.Now())
	s, err := OpenSpool(t.TempDir(), "witness", nil, SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h, err := s.Hold(i)
	if err != nil {
		t.Fatal(err)
	}
	return s, h, i
}

// TestHolder holds what is in no bundle, through a restart in the middle and a second connection.
func TestHolder(t *testing.T) {
	s, h, i := newHolder(t)
	if !h.Blank() || h.Alone() {
		t.Errorf("before it was sent anything: blank %v, alone %v", h.Blank(), h.Alone())
	}
	add(t, h, 2, frameOf(t, 4, 1, true, "a"), frameOf(t, 4, 2, false, "b"))
	if h.Alone() {
		t.Error("it has not heard that there is no more, and says that it needs no other")
	}
	add(t, h, 0, Frame{Sequence: 4, Landed: true})
	add(t, h, 4, frameOf(t, 5, 3, false, "c"), frameOf(t, 6, 4, false, "d"))
	holds(t, h, "a", "b", "c", "d")
	add(t, h, 0, Frame{Sequence: 5, Landed: true})
	holds(t, h, "c", "d")
	if h.Blank() || !h.Alone() {
		t.Errorf("with everything: blank %v, alone %v", h.Blank(), h.Alone())
	}

	again, err := s.Hold(i) // as another run of this process would
	if err != nil {
		t.Fatal(err)
	}
	holds(t, again, "c", "d")
	if again.Blank() || again.Alone() {
		t.Errorf("after a restart: blank %v, alone %v", again.Blank(), again.Alone())
	}
	add(t, again, 5, frameOf(t, 5, 3, true, "c"), frameOf(t, 6, 5, true, "d", "e"), Frame{Sequence: 5, Landed: true})
	holds(t, again, "c", "d", "e")
	if !again.Alone() {
		t.Error("it has everything again, and says that it needs others")
	}
	again.Outlived()
	if again.Alone() {
		t.Error("its writer went on without it, and it says that it needs no other")
	}
	// A second connection of the writer begins from the front; what is held already stays.
	add(t, again, 6, frameOf(t, 5, 3, true, "c"), frameOf(t, 6, 5, true, "d", "e"), frameOf(t, 7, 6, true, "f"))
	holds(t, again, "c", "d", "e", "f")
	if held := s.Held(); len(held) != 1 || held[0] != i {
		t.Errorf("the spool knows %v, want %v", held, i)
	}
}

// TestHolderTornWrite restarts a witness that was killed in the middle of a write.
func TestHolderTornWrite(t *testing.T) {
	s, h, i := newHolder(t)
	add(t, h, 2, frameOf(t, 0, 1, true, "a"), frameOf(t, 0, 2, false, "b"))
	data, err := os.ReadFile(h.path(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(0), data[:len(data)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err = s.Hold(i); err != nil {
		t.Fatal(err)
	}
	holds(t, h, "a")
	add(t, h, 3, frameOf(t, 0, 2, true, "a", "b"), frameOf(t, 0, 3, false, "c"))
	holds(t, h, "a", "b", "c")
}

// TestHolderClosed accepts nothing more after it has given its word, also after a restart and when all is
// forgotten; after a day the trace goes.
func TestHolderClosed(t *testing.T) {
	s, h, i := newHolder(t)
	add(t, h, 1, frameOf(t, 0, 1, true, "a"))
	if lines := h.Close(); lines != 1 {
		t.Errorf("Close = %d lines, want 1", lines)
	}
	for name, h := range map[string]*Holder{"closed": h, "restarted": reopen(t, s, i)} {
		if _, err := h.Add(frameOf(t, 0, 2, false, "b")); !errors.Is(err, ErrTestified) || !h.Ended() {
			t.Errorf("%s: Add = %v, want %v", name, err, ErrTestified)
		}
		if _, err := h.Add(Frame{Sequence: 1, Landed: true}); !errors.Is(err, ErrTestified) {
			t.Errorf("%s: Add of what landed = %v, want %v", name, err, ErrTestified)
		}
		holds(t, h, "a")
	}
	if err := h.Forget(); err != nil {
		t.Fatal(err)
	}
	holds(t, h)
	h = reopen(t, s, i)
	if !h.Ended() || h.Clear(time.Now()) {
		t.Error("a writer that slept finds a new witness")
	}
	if !h.Clear(time.Now().Add(25*time.Hour)) || len(s.Held()) > 0 {
		t.Errorf("after a day there is still %v", s.Held())
	}
}

func reopen(t *testing.T, s *Spool, i Incarnation) *Holder {
	t.Helper()
	h, err := s.Hold(i)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHoldNames refuses names that are no names.
func TestHoldNames(t *testing.T) {
	s, _, _ := newHolder(t)
	for _, i := range []Incarnation{{"..", "x"}, {"n", "../x"}, {"", "x"}, {"n", ""}, {"n/m", "x"}, {"n", ".hidden"}} {
		if _, err := s.Hold(i); err == nil {
			t.Errorf("it holds for %q", i)
		}
	}
}

// rivalPut is a bucket in which something else happens before each of some writes.
type rivalPut struct {
	bucket.Bucket
	before []func()
}

func (r *rivalPut) run() {
	if len(r.before) > 0 {
		f := r.before[0]
		r.before = r.before[1:]
		f()
	}
}

// TestTestify ends an incarnation with what is held while its last writes land in between, in every order.
func TestTestify(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e", "f"}
	own := []Frame{ // the writer's bundles; those from 1 on are held
		frameOf(t, 0, 2, true, "a", "b"), frameOf(t, 1, 3, true, "c"), frameOf(t, 2, 3, true), frameOf(t, 3, 5, true, "d", "e"), frameOf(t, 4, 6, true, "f"),
	}
	defer func(n int64) { testimonySize = n }(testimonySize)
	for _, size := range []int64{64 << 20, 100} {
		testimonySize = size
		for when := range 4 { // before which write of the witness
			for landing := range 1 << 4 { // which of 1 to 4 land
				_, h, i := newHolder(t)
				m := bucket.NewMem()
				put := func(f Frame) { m.PutIfAbsent(t.Context(), i.Key(f.Sequence), f.Body) }
				put(own[0])
				add(t, h, 6, own[1], own[3], own[4]) // 2 only names witnesses
				h.Close()
				b := &rivalPut{Bucket: m}
				for range when {
					b.before = append(b.before, func() {})
				}
				b.before = append(b.before, func() {
					for n, f := range own[1:] {
						if landing&(1<<n) != 0 {
							put(f)
						}
					}
				})
				if err := h.Testify(t.Context(), b, "witness"); err != nil {
					t.Fatal(err)
				}
				b.run() // the latest of all
				r, err := Recover(t.Context(), bucket.NewDocuments(m), i, "sealer", Known{Word: ExactWord})
				if err != nil {
					t.Fatal(err)
				}
				if got := byTakes(r.Bundles)[media.TakeID{1}]; !slices.Equal(got, all) {
					t.Errorf("testimony of at most %d bytes, bundles %04b land before write %d: %v is found, want %v", size, landing, when, got, all)
				}
				if err := h.Testify(t.Context(), m, "witness"); err != nil {
					t.Errorf("once more: %v", err)
				}
			}
		}
	}
}

// TestNotNamed keeps a witness from ending what goes on without it, and its word from counting then.
func TestNotNamed(t *testing.T) {
	for _, c := range []struct {
		newest []string
		err    error
		word   Word
	}{
		{[]string{"w", "x"}, nil, ExactWord},
		{[]string{"w"}, nil, ExactWord},
		{[]string{"x"}, ErrNotNamed, SpoolWord},
		{nil, nil, SpoolWord}, // nobody holds anything for it
	} {
		_, h, i := newHolder(t)
		m := bucket.NewMem()
		for n, names := range [][]string{{"w", "x"}, c.newest} {
			body, _, err := encode(words(fmt.Sprint(n)), Index{Witnesses: names})
			if err != nil {
				t.Fatal(err)
			}
			m.PutIfAbsent(t.Context(), i.Key(uint64(n)), body)
		}
		h.Close()
		if err := h.Testify(t.Context(), m, "w"); !errors.Is(err, c.err) {
			t.Errorf("Testify where the newest bundle names %q: %v, want %v", c.newest, err, c.err)
		}
		r, err := Recover(t.Context(), bucket.NewDocuments(m), i, "sealer", Known{Word: SpoolWord, Witnesses: []string{"w"}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Seal.Word != c.word {
			t.Errorf("the word of w where the newest bundle names %q is worth %d, want %d", c.newest, r.Seal.Word, c.word)
		}
	}
}

func (r *rivalPut) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	r.run()
	return r.Bucket.PutIfAbsent(ctx, key, body)
}

// TestTestimonyInPieces loses the witness in the middle of a testimony: the bundles that it has written name
// the other one still.
func TestTestimonyInPieces(t *testing.T) {
	defer func(n int64) { testimonySize = n }(testimonySize)
	testimonySize = 100
	_, h, i := newHolder(t)
	_, other, _ := newHolder(t)
	other.incarnation = i
	m := bucket.NewMem()
	body, _, err := encode(words("a"), Index{Witnesses: []string{"w", "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.PutIfAbsent(t.Context(), i.Key(0), body); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*Holder{h, other} {
		add(t, h, 4, frameOf(t, 1, 2, true, "b"), frameOf(t, 2, 3, true, "c"), frameOf(t, 3, 4, true, "d"))
		h.Close()
	}
	faulty := bucket.NewFaulty(m, 1, bucket.Faults{})
	b := &rivalPut{Bucket: faulty, before: []func(){func() {}, func() { faulty.Down(true) }}}
	if err := h.Testify(t.Context(), b, "w"); !errors.Is(err, bucket.ErrUnavailable) {
		t.Fatalf("Testify while the bucket goes away: %v", err)
	}
	if at, err := head(t.Context(), m, i); err != nil || at.next != 2 || at.fenced || !slices.Equal(at.names, []string{"w", "x"}) {
		t.Fatalf("the incarnation stands at %+v, %v", at, err)
	}
	if err := other.Testify(t.Context(), m, "x"); err != nil {
		t.Fatal(err)
	}
	found, next, fenced, err := Scan(t.Context(), m, i)
	if got := byTakes(found)[media.TakeID{1}]; err != nil || !fenced || !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("%v is found, next %d, fenced %v, %v", got, next, fenced, err)
	}
}

// TestHead finds where an incarnation stands among bundles, pages, holes and fences.
func TestHead(t *testing.T) {
	i := NewIncarnation("n", time.Now())
	named := func(n uint64, b bucket.Bucket, names ...string) {
		body, _, err := encode(words("x"), Index{Witnesses: names})
		if err == nil {
			_, err = b.PutIfAbsent(t.Context(), i.Key(n), body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fenceAt := func(b bucket.Bucket, n uint64) {
		if _, err := b.PutIfAbsent(t.Context(), i.Key(n), EncodeFence("x")); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		fill func(b bucket.Bucket)
		want bundleHead
	}{
		"nothing":    {func(bucket.Bucket) {}, bundleHead{}},
		"only pages": {func(b bucket.Bucket) { fill(t, b, i, 10, 10); b.Delete(t.Context(), i.Key(3)) }, bundleHead{next: 10}},
		"names": {func(b bucket.Bucket) { named(0, b, "a"); named(1, b, "b", "c"); named(2, b, "b", "d") },
			bundleHead{next: 3, names: []string{"b", "d"}}},
		"names nobody any more": {func(b bucket.Bucket) { named(0, b, "a"); named(1, b) }, bundleHead{next: 2}},
		"a hole":                {func(b bucket.Bucket) { named(0, b, "a"); named(2, b, "b") }, bundleHead{next: 1, names: []string{"a"}}},
		"fenced": {func(b bucket.Bucket) {
			named(0, b, "a")
			for n := uint64(1); n <= InFlight; n++ {
				fenceAt(b, n)
			}
		}, bundleHead{next: 1, names: []string{"a"}, fenced: true}},
		"late writes behind the fence": {func(b bucket.Bucket) {
			named(0, b, "a")
			fenceAt(b, 1)
			for n := uint64(2); n <= InFlight; n++ {
				named(n, b, "z")
			}
		}, bundleHead{next: 1, names: []string{"a"}, fenced: true}},
		"a fence at the beginning": {func(b bucket.Bucket) { fenceAt(b, 0) }, bundleHead{fenced: true}},
	} {
		b := bucket.NewMem()
		c.fill(b)
		at, err := head(t.Context(), b, i)
		if err != nil || at.next != c.want.next || at.fenced != c.want.fenced || !slices.Equal(at.names, c.want.names) {
			t.Errorf("%s: it stands at %+v, %v, want %+v", name, at, err, c.want)
		}
		newest, err := Newest(t.Context(), b, i)
		names, err2 := Named(t.Context(), b, i)
		if newest != at.next || !slices.Equal(names, at.names) || errors.Join(err, err2) != nil {
			t.Errorf("%s: Newest = %d, Named = %v, %v", name, newest, names, errors.Join(err, err2))
		}
	}
}
