package bundle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// owner notes what it is told is safe.
type owner struct {
	mu     sync.Mutex
	stored []string
}

func (o *owner) Stored(recs []StoredRecord) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range recs {
		o.stored = append(o.stored, r.Record.End)
	}
}

func (o *owner) Safe([]Record) {}

func (o *owner) heard() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.stored)
}

// busy counts how many writes are under way at once.
type busy struct {
	bucket.Bucket
	mu        sync.Mutex
	now, most int
	refused   string
}

// refuse lets every write to a key fail.
func (b *busy) refuse(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = key
}

func (b *busy) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	b.mu.Lock()
	b.now++
	b.most = max(b.most, b.now)
	refused := key == b.refused
	b.mu.Unlock()
	defer func() { b.mu.Lock(); b.now--; b.mu.Unlock() }()
	if refused {
		return "", bucket.ErrUnavailable
	}
	return b.Bucket.PutIfAbsent(ctx, key, body)
}

// flushing is a flusher that runs in a bubble.
type flushing struct {
	t      *testing.T
	faulty *bucket.Faulty
	busy   *busy
	spool  *Spool
	inc    Incarnation
	f      *Flusher
	ended  chan error
	cancel context.CancelFunc
	sent   map[*owner][]string
}

func flush(t *testing.T, dir string, spoolMax, memory int64, test func(x *flushing)) {
	synctest.Test(t, func(t *testing.T) {
		x := &flushing{t: t, sent: map[*owner][]string{}, ended: make(chan error, 1), inc: NewIncarnation("n", time.Now())}
		x.faulty = bucket.NewFaulty(bucket.NewMem(), 5, bucket.Faults{Latency: 20 * time.Millisecond})
		x.busy = &busy{Bucket: x.faulty}
		var err error
		if x.spool, err = OpenSpool(dir, "n", nil, SpoolConfig{MaxBytes: spoolMax}); err != nil {
			t.Fatal(err)
		}
		defer x.spool.Close()
		j, err := x.spool.OpenJournal(&x.inc, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		x.f = NewFlusher(FlusherConfig{Bucket: x.busy, Incarnation: &x.inc, Spool: x.spool, Journal: j, MaxMemory: memory})
		ctx, cancel := context.WithCancel(context.Background())
		x.cancel = cancel
		go func() { x.ended <- x.f.Run(ctx) }()
		test(x)
		cancel()
		<-x.ended
		x.faulty.Settle()
		j.Close()
	})
}

// send appends so many records for an owner, a while apart.
func (x *flushing) send(o *owner, n int, every time.Duration) {
	for range n {
		name := fmt.Sprint(len(x.sent[o]))
		x.sent[o] = append(x.sent[o], name)
		x.f.Append(o, Item{Record: Record{Kind: KindEnd, Take: media.TakeID{byte(len(x.sent))}, End: name}})
		time.Sleep(every)
	}
}

// all checks that the owner heard of everything that was sent, in order and once.
func (x *flushing) all(o *owner) {
	x.t.Helper()
	if got := o.heard(); !slices.Equal(got, x.sent[o]) {
		x.t.Errorf("the owner heard of %d records, %v …, want %d in order", len(got), got[:min(5, len(got))], len(x.sent[o]))
	}
}

// inBucket returns what the bundles in the bucket say, in order.
func (x *flushing) inBucket() (out []string) {
	x.t.Helper()
	x.faulty.Set(bucket.Faults{})
	x.faulty.Down(false)
	found, _, _, err := Scan(x.t.Context(), x.faulty, x.inc)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, s := range found {
		for _, r := range s.Index.Records {
			out = append(out, r.End)
		}
	}
	return out
}

func TestFlusher(t *testing.T) {
	for name, faults := range map[string]bucket.Faults{
		"nothing wrong":    {Latency: 20 * time.Millisecond},
		"a slow bucket":    {Latency: 700 * time.Millisecond, Jitter: time.Second},
		"errors":           {Error: .3, Latency: 20 * time.Millisecond},
		"lost answers":     {Lost: .3, Latency: 20 * time.Millisecond},
		"late writes":      {Late: .3, Latency: 20 * time.Millisecond, LateBy: 3 * time.Second},
		"all of it, often": {Error: .2, Lost: .2, Late: .2, Jitter: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			flush(t, t.TempDir(), 0, 0, func(x *flushing) {
				x.faulty.Set(faults)
				o := &owner{}
				x.send(o, 200, 100*time.Millisecond)
				x.faulty.Set(bucket.Faults{})
				if err := x.f.Flush(x.t.Context()); err != nil {
					x.t.Fatal(err)
				}
				x.faulty.Settle()
				x.all(o)
				if got := x.inBucket(); !slices.Equal(got, x.sent[o]) {
					x.t.Errorf("the bundles hold %d records, want %d in order", len(got), len(x.sent[o]))
				}
				if x.busy.most > InFlight {
					x.t.Errorf("%d bundles were on their way at once, want at most %d", x.busy.most, InFlight)
				}
			})
		})
	}
}

// TestFlusherOutage takes the bucket away: what waits is safe in the spool within its patience, and comes to
// the bucket in order when it is back.
func TestFlusherOutage(t *testing.T) {
	flush(t, t.TempDir(), 0, 0, func(x *flushing) {
		o := &owner{}
		x.send(o, 20, 100*time.Millisecond)
		x.faulty.Down(true)
		x.send(o, 600, 100*time.Millisecond)
		if late := len(x.sent[o]) - len(o.heard()); late > 25 {
			x.t.Errorf("%d records of the last 2.5 s and more are not safe", late)
		}
		if h := x.f.Health(); h.Spooled == 0 || h.AwayFor < 50*time.Second {
			x.t.Errorf("health %+v", h)
		}
		x.faulty.Down(false)
		time.Sleep(5 * time.Second)
		x.all(o)
		if h := x.f.Health(); h.Spooled != 0 || h.AwayFor != 0 || h.Memory != 0 {
			x.t.Errorf("health after it %+v", h)
		}
		if got := x.inBucket(); !slices.Equal(got, x.sent[o]) {
			x.t.Errorf("the bundles hold %d records, want %d in order", len(got), len(x.sent[o]))
		}
	})
}

// TestFlusherFull fills the spool and the memory while the bucket is away.
func TestFlusherFull(t *testing.T) {
	flush(t, t.TempDir(), 2000, 500, func(x *flushing) {
		o := &owner{}
		x.faulty.Down(true)
		x.send(o, 300, 100*time.Millisecond)
		if !x.f.Full() {
			x.t.Error("it is not full though the spool has no room")
		}
		safe := len(o.heard())
		x.faulty.Down(false)
		time.Sleep(10 * time.Second)
		if x.f.Full() {
			x.t.Error("it is still full though the bucket is back")
		}
		x.all(o)
		if safe == 0 || safe == len(x.sent[o]) {
			x.t.Errorf("%d of %d records were said to be safe in a spool that was full", safe, len(x.sent[o]))
		}
	})
}

// TestFlusherHangs gathers while no bundles are made, as when a disk hangs: nothing more is taken in before
// it would be too much for a bundle.
func TestFlusherHangs(t *testing.T) {
	s, err := OpenSpool(t.TempDir(), "n", nil, SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i := NewIncarnation("n", time.Now())
	f := NewFlusher(FlusherConfig{Bucket: bucket.NewMem(), Incarnation: &i, Spool: s})
	n := uint32(0)
	for ; !f.Full(); n++ {
		f.Append(&owner{}, big(1, n, 1<<20))
	}
	if n > maxPartBytes>>21 {
		t.Errorf("%d MiB are taken in", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Flush(t.Context()); err != nil || f.Full() {
		t.Errorf("it goes on: %v, full %v", err, f.Full())
	}
	cancel()
	<-ended
}

// TestFlusherFenced meets a fence: nothing that comes after it is acknowledged.
func TestFlusherFenced(t *testing.T) {
	flush(t, t.TempDir(), 0, 0, func(x *flushing) {
		o := &owner{}
		x.send(o, 20, 100*time.Millisecond)
		time.Sleep(time.Second)
		docs := bucket.NewDocuments(x.faulty)
		if _, err := Recover(x.t.Context(), docs, x.inc, "other", Known{Word: NoWord}); err != nil {
			x.t.Fatal(err)
		}
		before := len(o.heard())
		x.send(o, 20, 100*time.Millisecond)
		select {
		case err := <-x.ended:
			if !errors.Is(err, ErrFenced) {
				x.t.Errorf("Run = %v, want %v", err, ErrFenced)
			}
			x.ended <- err
		case <-time.After(5 * time.Second):
			x.t.Error("it goes on after a fence")
		}
		if after := len(o.heard()); after != before || before != 20 {
			x.t.Errorf("%d records were acknowledged before the fence and %d after it, want 20 and none", before, after-before)
		}
	})
}

// TestResume loses the process at any moment: what was appended is found again from bucket, spool and
// journal, in order and without a hole.
func TestResume(t *testing.T) {
	for _, down := range []time.Duration{0, 700 * time.Millisecond, 5 * time.Second} {
		dir := t.TempDir()
		flush(t, dir, 0, 0, func(x *flushing) {
			o := &owner{}
			x.send(o, 13, 100*time.Millisecond)
			if down > 0 {
				x.faulty.Down(true)
				x.send(o, int(down/(100*time.Millisecond)), 100*time.Millisecond)
			}
			x.send(o, 2, 0)
			x.cancel() // as good as a crash: nothing is flushed
			x.ended <- <-x.ended
			x.spool.Close()
			x.faulty.Down(false)
			s, err := OpenSpool(dir, "n", nil, SpoolConfig{})
			if err != nil {
				x.t.Fatal(err)
			}
			defer s.Close()
			words, err := Resume(x.t.Context(), x.faulty, s, slog.New(slog.DiscardHandler))
			if err != nil {
				x.t.Fatal(err)
			}
			if words[x.inc.ID] != ExactWord {
				x.t.Errorf("the journal's word is %v, want exact", words[x.inc.ID])
			}
			if got := x.inBucket(); !slices.Equal(got, x.sent[o]) {
				x.t.Errorf("outage of %v: %d records are found, %v, want %d in order", down, len(got), got, len(x.sent[o]))
			}
			// Again, as after a crash in the middle of it.
			if _, err := Resume(x.t.Context(), x.faulty, s, slog.New(slog.DiscardHandler)); err != nil {
				x.t.Errorf("Resume again: %v", err)
			}
		})
	}
}

// TestOtherBoot trusts a journal of another boot of the machine only with what was synced.
func TestOtherBoot(t *testing.T) {
	s, err := OpenSpool(t.TempDir(), "n", nil, SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i := NewIncarnation("n", time.Now())
	j, err := s.OpenJournal(&i, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := Encode([]Item{{Record: Record{Kind: KindEnd, Take: media.TakeID{1}, End: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	j.append(body)
	j.Close()
	if err := os.WriteFile(filepath.Join(s.journalDir(i.ID), bootFile), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	words, err := Resume(t.Context(), bucket.NewMem(), s, slog.New(slog.DiscardHandler))
	if err != nil || words[i.ID] != SpoolWord {
		t.Errorf("the word of another boot's journal is %v, %v, want that of the spool", words[i.ID], err)
	}
}

// TestResumeWhole writes what a spool has whole, after the death of the machine, before anybody else is asked
// what was behind it.
func TestResumeWhole(t *testing.T) {
	s, err := OpenSpool(t.TempDir(), "n", nil, SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i, b := NewIncarnation("n", time.Now()), bucket.NewMem()
	j, err := s.OpenJournal(&i, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	items := []Item{{Record: Record{Kind: KindEnd, Take: media.TakeID{1}, End: "x"}}}
	body, _, err := encode(items, Index{Witnesses: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(2) {
		if err := s.Write(&i, n, body, true); err != nil {
			t.Fatal(err)
		}
	}
	j.turn(2)
	j.append(body)
	j.Close()
	if err := ResumeWhole(t.Context(), b, s); err != nil {
		t.Fatal(err)
	}
	if next, err := Newest(t.Context(), b, i); err != nil || next != 0 {
		t.Errorf("%d bundles of a spool that knows everything are written: %v", next, err)
	}
	if err := os.WriteFile(filepath.Join(s.journalDir(i.ID), bootFile), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ResumeWhole(t.Context(), b, s); err != nil {
		t.Fatal(err)
	}
	at, err := head(t.Context(), b, i)
	if err != nil || at.next != 2 || !slices.Equal(at.names, []string{"w"}) {
		t.Errorf("%d bundles are written, and the newest names %v: %v", at.next, at.names, err)
	}
	if words, err := Resume(t.Context(), b, s, slog.New(slog.DiscardHandler)); err != nil || words[i.ID] != SpoolWord {
		t.Errorf("the word is %v, %v", words[i.ID], err)
	}
	if next, err := Newest(t.Context(), b, i); err != nil || next != 3 {
		t.Errorf("%d bundles are there in the end: %v", next, err)
	}
}

func TestSpoolIsOneNodes(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenSpool(dir, "", func() string { return "made-up" }, SpoolConfig{})
	if err != nil || s.Node() != "made-up" {
		t.Fatalf("OpenSpool = %v, %v", s, err)
	}
	if _, err := OpenSpool(dir, "", nil, SpoolConfig{}); err == nil {
		t.Error("two have the same spool")
	}
	s.Close()
	if _, err := OpenSpool(dir, "another", nil, SpoolConfig{}); err == nil {
		t.Error("a spool changes its node")
	}
	if s, err = OpenSpool(dir, "", nil, SpoolConfig{}); err != nil || s.Node() != "made-up" {
		t.Fatalf("the name is not kept: %v", err)
	}
	s.Close()
}

// TestSealersAgree lets several recover one incarnation at once.
func TestSealersAgree(t *testing.T) {
	b := bucket.NewMem()
	i := NewIncarnation("n", time.Now())
	fill(t, b, i, 10, 0)
	var group sync.WaitGroup
	seals := make([]*Seal, 6)
	for n := range seals {
		group.Go(func() {
			r, err := Recover(t.Context(), bucket.NewDocuments(b), i, fmt.Sprint("node", n), Known{Word: Word(n % 3)})
			if err != nil {
				t.Error(err)
				return
			}
			seals[n] = r.Seal
		})
	}
	group.Wait()
	for _, s := range seals {
		if s == nil || s.By != seals[0].By || s.Word != seals[0].Word || s.End != 10 {
			t.Errorf("seals %+v and %+v of one incarnation", seals[0], s)
		}
	}
	body, _, err := Encode(sampleItems())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutIfAbsent(t.Context(), i.Key(10), body); !errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("a zombie writes behind the fence: %v", err)
	}
}

// BenchmarkJournal is what it costs to write a part of 20 kB (640 kbit/s, 250 ms) to the journal before it
// is listed.
func BenchmarkJournal(b *testing.B) {
	s, err := OpenSpool(b.TempDir(), "n", nil, SpoolConfig{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	i := NewIncarnation("n", time.Now())
	j, err := s.OpenJournal(&i, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	p := media.Part{Spans: []uint32{15000, 5000}, Data: make([]byte, 20_000)}
	items := []Item{{Record: PartOf(media.TakeID{1}, &p), Data: p.Data}}
	b.SetBytes(20_000)
	for n := uint64(0); b.Loop(); n++ {
		body, _, err := Encode(items)
		if err != nil {
			b.Fatal(err)
		}
		if j.append(body); n%100 == 99 { // a bundle of 50 channels
			j.turn(n)
			j.safe(n - 100)
		}
	}
}
