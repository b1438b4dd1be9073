package bundle

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestQuiet ends incarnations that said that they list nothing, and others: only of those nobody knows what
// they have listed.
func TestQuiet(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f *Flusher)
		word Word
	}{
		{"nothing was written", func(*testing.T, *Flusher) {}, ExactWord},
		{"it took something in", func(t *testing.T, f *Flusher) { mustFlush(t, f, nobody{}) }, ExactWord},
		{"it began to list", func(t *testing.T, f *Flusher) {
			if err := f.Open(t.Context()); err != nil {
				t.Error(err)
			}
		}, NoWord},
		{"it took something in and lists", func(t *testing.T, f *Flusher) {
			mustFlush(t, f, nobody{})
			if err := f.Open(t.Context()); err != nil {
				t.Error(err)
			}
			mustFlush(t, f, nobody{})
		}, NoWord},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := bucket.NewMem()
				spool, err := OpenSpool(t.TempDir(), "node", nil, SpoolConfig{})
				if err != nil {
					t.Fatal(err)
				}
				defer spool.Close()
				i := NewIncarnation("node", time.Now())
				f := NewFlusher(FlusherConfig{Bucket: m, Incarnation: &i, Spool: spool})
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- f.Run(ctx) }()
				c.run(t, f)
				stop()
				<-ended
				r, err := Recover(t.Context(), bucket.NewDocuments(m), i, "sealer", Known{})
				if err != nil || r.Seal.Word != c.word {
					t.Errorf("word %v, %v, want %v", r.Seal.Word, err, c.word)
				}
			})
		})
	}
}

func mustFlush(t *testing.T, f *Flusher, o Owner) {
	t.Helper()
	f.Append(o, words("x")...)
	if err := f.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

// nobody does not care where its records lie.
type nobody struct{}

func (nobody) Stored([]StoredRecord) {}
func (nobody) Safe([]Record)         {}
