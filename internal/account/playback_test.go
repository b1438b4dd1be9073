package account

import (
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

func theirs() *channel.Channel { return &channel.Channel{ID: "c1", Slug: "news"} }

// TestPlaybackTokens are the same for everybody within an hour, are believed by every node, and end.
func TestPlaybackTokens(t *testing.T) {
	f := newFleet()
	one, two := f.node(t), f.node(t)
	c := theirs()
	token, err := one.PlaybackToken(t.Context(), PlayMedia, c)
	if err != nil {
		t.Fatal(err)
	}
	f.pass(time.Hour - time.Duration(f.now().UnixNano()%int64(time.Hour))) // an hour begins
	first, _ := one.PlaybackToken(t.Context(), PlayMedia, c)
	f.pass(59 * time.Minute)
	if again, _ := two.PlaybackToken(t.Context(), PlayMedia, c); again != first {
		t.Errorf("within an hour there are two tokens: %s and %s", first, again)
	}
	f.pass(2 * time.Minute)
	if next, _ := two.PlaybackToken(t.Context(), PlayMedia, c); next == first {
		t.Error("the next hour has the same token")
	}
	for _, p := range []*People{one, two} {
		if what, ok := p.CheckPlayback(t.Context(), c, first); !ok || what != PlayMedia {
			t.Errorf("%c, %v", what, ok)
		}
	}
	other, turned := theirs(), theirs()
	other.ID, turned.Turn = "c2", 1
	for what, in := range map[string]*channel.Channel{"another channel": other, "after a turn": turned} {
		if _, ok := two.CheckPlayback(t.Context(), in, first); ok {
			t.Errorf("%s: it counts", what)
		}
	}
	raw, _ := base64.RawURLEncoding.DecodeString(first)
	for i := range raw {
		bad := slices.Clone(raw)
		bad[i] ^= 1
		if _, ok := two.CheckPlayback(t.Context(), c, base64.RawURLEncoding.EncodeToString(bad)); ok {
			t.Errorf("with a change of byte %d it counts", i)
		}
	}
	for _, bad := range []string{"", "x", first + "A", first[1:], mustSign(t, one, forSession, "a")} {
		if _, ok := two.CheckPlayback(t.Context(), c, bad); ok {
			t.Errorf("%q counts", bad)
		}
	}
	f.pass(mediaLife)
	for _, old := range []string{token, first} {
		if _, ok := one.CheckPlayback(t.Context(), c, old); ok {
			t.Error("it counts after its end")
		}
	}
}

// TestPlaybackWithoutBucket goes on while the bucket is away, and costs it nothing.
func TestPlaybackWithoutBucket(t *testing.T) {
	f := newFleet()
	one := f.node(t)
	if _, err := one.PlaybackToken(t.Context(), PlayCrew, theirs()); err != nil {
		t.Fatal(err)
	}
	f.bucket.Down(true)
	token, err := one.PlaybackToken(t.Context(), PlayCrew, theirs())
	if what, ok := one.CheckPlayback(t.Context(), theirs(), token); err != nil || !ok || what != PlayCrew {
		t.Errorf("%v, %c %v", err, what, ok)
	}
}

// TestEnter asks for a broadcast's password, a few times.
func TestEnter(t *testing.T) {
	f := newFleet()
	one := f.node(t)
	c := theirs()
	var err error
	if c.Password, err = one.BroadcastPassword(t.Context(), "bread and wine"); err != nil {
		t.Fatal(err)
	}
	token, err := one.Enter(t.Context(), c, "bread and wine", here)
	if what, ok := one.CheckPlayback(t.Context(), c, token); err != nil || !ok || what != PlayLists {
		t.Errorf("%v, %c %v", err, what, ok)
	}
	for range entersFrom.burst {
		_, err = one.Enter(t.Context(), c, "milk", here)
	}
	if !errors.Is(err, ErrOften) {
		t.Errorf("guessed from one address: %v", err)
	}
	if _, err := one.Enter(t.Context(), c, "bread and wine", "198.51.100.1"); err != nil {
		t.Errorf("from another address: %v", err)
	}
	for _, bad := range []string{"", "short", string(make([]byte, 300))} {
		if _, err := one.BroadcastPassword(t.Context(), bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("a password of %d bytes: %v", len(bad), err)
		}
	}
}

// FuzzPlayback shows whatever a stranger may as a playback token: only the one that was given counts.
func FuzzPlayback(f *testing.F) {
	fl := newFleet()
	var p *People
	good := ""
	f.Add("")
	f.Add("bQAHxUsAAAAAAAAAAAAAAAAAAAAA")
	f.Add("bQAHxUs\nAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if p == nil {
			p = fl.node(t)
			good, _ = p.PlaybackToken(t.Context(), PlayMedia, theirs())
		}
		if what, ok := p.CheckPlayback(t.Context(), theirs(), token); ok && token != good {
			t.Errorf("%q counts for %c", token, what)
		}
	})
}

// BenchmarkPlayback is what a request for what not everybody may watch costs.
func BenchmarkPlayback(b *testing.B) {
	p, err := NewPeople(Config{Docs: bucket.NewDocuments(bucket.NewMem())})
	if err != nil {
		b.Fatal(err)
	}
	c := theirs()
	token, err := p.PlaybackToken(b.Context(), PlayMedia, c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.CheckPlayback(b.Context(), c, token); !ok {
			b.Fatal("it does not count")
		}
	}
}
