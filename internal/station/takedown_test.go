package station

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// TestTakedown deletes a channel under its viewers: nothing of it can be had from then on, and within hours its media is
// out of the bucket, but for the newest bundles of a node that runs.
func TestTakedown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(time.Minute)
		var listed []media.Address
		for _, s := range w.mustWindow("news").Segments {
			if s.URI == "" {
				continue // it has parts alone so far
			}
			a, err := media.ParseAddress(s.URI)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := w.station.Open(t.Context(), a); err != nil {
				t.Fatalf("%s before: %v", s.URI, err)
			}
			listed = append(listed, a)
		}
		if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Deleted = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := w.window("news", false); !errors.Is(err, ErrNoChannel) {
			t.Errorf("the playlist: %v", err)
		}
		for _, a := range listed {
			if _, _, err := w.station.Open(t.Context(), a); !errors.Is(err, take.ErrNoMedia) {
				t.Errorf("%s after: %v", a, err)
			}
		}
		stored := func() (n int) {
			if err := bucket.All(t.Context(), w.bucket, "media/", func(bucket.Entry) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := stored()
		time.Sleep(16 * time.Hour)
		if n := stored(); before < 60 || n > bundle.InFlight+1 {
			t.Errorf("%d bundles of the %d are there 16 hours later", n, before)
		}
	})
}

// TestTakedownShared deletes a channel whose media lies in the same bundles as that of one that keeps everything, and gives its
// address to another one: within days zeros are in its place, and everything else is as it was.
func TestTakedownShared(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("archive", "desk")
		w.change("archive", func(c *channel.Channel) error { c.Keep = true; return nil })
		gone := w.channel("news", "cam").ID
		kept, taken := w.mustPublish("desk-key-0123456789"), w.mustPublish("cam-key-0123456789")
		ran := make(chan error)
		go func() { ran <- kept.run(20 * time.Second) }()
		if err := errors.Join(taken.run(20*time.Second), <-ran); err != nil {
			t.Fatal(err)
		}
		kept.x.Close(nil)
		taken.x.Close(nil)
		time.Sleep(10 * time.Second)
		if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Deleted = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		if c := w.channel("news", "cam"); len(c.Before) != 1 || c.Before[0].ID != gone {
			t.Fatalf("the channel with its address remembers %+v", c.Before)
		}
		left := func() (theirs, others int) {
			all, err := bundle.Incarnations(t.Context(), w.bucket)
			if err != nil || len(all) != 1 {
				t.Fatalf("incarnations %v, %v", all, err)
			}
			found, _, _, err := bundle.Scan(t.Context(), w.bucket, all[0])
			if err != nil {
				t.Fatal(err)
			}
			of := map[media.TakeID]string{}
			for _, s := range found {
				for _, r := range s.Index.Records {
					if r.Kind == bundle.KindBirth {
						of[r.Take] = r.Birth.Channel
					}
				}
				o, err := w.bucket.Get(t.Context(), all[0].Key(s.Sequence))
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range s.Index.Records {
					data := o.Data[r.Part.Offset : r.Part.Offset+r.Part.Length]
					switch {
					case r.Kind != bundle.KindPart || len(bytes.Trim(data, "\x00")) == 0:
					case of[r.Take] == gone:
						theirs++
					default:
						others++
					}
				}
			}
			return theirs, others
		}
		var removed []string
		w.station.cfg.Removed = func(_ context.Context, channel string) error { removed = append(removed, channel); return nil }
		theirs, others := left()
		if theirs < 20 || others < 20 {
			t.Fatalf("%d parts of the deleted channel and %d of the other one are there", theirs, others)
		}
		time.Sleep(4 * 24 * time.Hour)
		if now, same := left(); now != 0 || same != others {
			t.Errorf("four days later %d parts of the deleted channel are left, and %d of %d of the other one", now, same, others)
		}
		if len(removed) != 1 || removed[0] != gone {
			t.Errorf("what is kept of %v is removed", removed)
		}
		if due, err := w.station.due(t.Context()); len(due) > 0 || err != nil {
			t.Errorf("it is to be done again: %v, %v", due, err)
		}
	})
}

// TestTakedownUnreadable has a deleted channel's media in several incarnations, of which one cannot be read: it is zeros in
// all others, and the channel is done once that one can be read too.
func TestTakedownUnreadable(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		gone := w.channel("news", "cam").ID
		removed := 0
		w.station.cfg.Removed = func(context.Context, string) error { removed++; return nil }
		secret := []byte("secret pictures")
		var keys []string
		for _, node := range []string{"a", "b", "c", "d"} {
			i := bundle.Incarnation{Node: node, ID: "00000000000"}
			x := &media.Take{ID: media.NewTakeID(), Channel: gone}
			p := media.Part{Data: secret}
			body, _, err := bundle.Encode([]bundle.Item{{Record: bundle.Record{Kind: bundle.KindBirth, Take: x.ID, Birth: x}}, {Record: bundle.PartOf(x.ID, &p), Data: p.Data}})
			if err != nil {
				t.Fatal(err)
			}
			if keys = append(keys, i.Key(0)); node == "c" { // the first in the bucket
				body = bucket.Body{bytes.Repeat([]byte("x"), 100)}
			}
			if _, err := w.bucket.Put(t.Context(), i.Key(0), body); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Deleted = time.Now().Add(-2 * blankLatest); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := w.station.blankAll(t.Context()); !errors.Is(err, bundle.ErrCorrupt) {
			t.Errorf("with one that cannot be read: %v", err)
		}
		for _, key := range keys {
			if o, err := w.bucket.Get(t.Context(), key); err != nil || bytes.Contains(o.Data, secret) {
				t.Errorf("%s: %q, %v", key, o.Data, err)
			}
		}
		if due, err := w.station.due(t.Context()); len(due) != 1 || removed != 1 || err != nil {
			t.Errorf("it is to be done again: %v, %v; what is kept of it was removed %d times", due, err, removed)
		}
		if err := w.bucket.Delete(t.Context(), keys[2]); err != nil {
			t.Fatal(err)
		}
		if err := w.station.blankAll(t.Context()); err != nil {
			t.Error(err)
		}
		if due, err := w.station.due(t.Context()); len(due) > 0 || err != nil {
			t.Errorf("it is to be done again: %v, %v", due, err)
		}
	})
}
