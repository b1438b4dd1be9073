package chat

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestEmotes keeps a channel's emotes by name, within bounds, and tells listeners of them with the rules.
func TestEmotes(t *testing.T) {
	image := func(n int) string { return fmt.Sprintf("%032x.png", n) }
	r := Rules{Mode: Open}
	for _, bad := range []string{"", "a", "Wave", "wa ve", "wave:", "ünder", strings.Repeat("a", 25), "../x", "<b>"} {
		if err := r.PutEmote(Emote{bad, image(1)}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := r.PutEmote(Emote{"wave", "https://evil.example/x.png"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a picture from elsewhere: %v", err)
	}
	for n := range maxEmotes {
		if err := r.PutEmote(Emote{fmt.Sprintf("e_%02d", maxEmotes-n), image(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.PutEmote(Emote{"wave", image(1)}); !errors.Is(err, ErrInvalid) {
		t.Errorf("one more than there may be: %v", err)
	}
	if err := r.PutEmote(Emote{"e_07", image(99)}); err != nil || r.Emotes[6].Image != image(99) || r.Emotes[0].Name != "e_01" {
		t.Errorf("another picture: %v, %v", err, r.Emotes[:8])
	}
	if err := errors.Join(r.DropEmote("e_07"), r.Check()); err != nil || len(r.Emotes) != maxEmotes-1 {
		t.Errorf("%d emotes, %v", len(r.Emotes), err)
	}
	if err := r.DropEmote("e_07"); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed again: %v", err)
	}
	room := NewRoom("c1", false)
	r.Version = 1
	room.Settle(r, false)
	if got := room.shown(); len(got.Emotes) != maxEmotes-1 {
		t.Errorf("told of %d", len(got.Emotes))
	}
	if _, err := parseWire(fmt.Appendf(nil, `{"v":1,"room":"c1/viewers","rules":{"version":2,"mode":"open","emotes":[{"name":"x y","image":%q}]}}`, image(1))); err == nil {
		t.Error("another node's emote of a name that is none is taken")
	}
}

// TestEmotesOfClosedRoom asks for a channel's emotes where nobody chats: no room is opened for it, the bucket is asked once
// a second, and what is changed elsewhere counts a second later.
func TestEmotesOfClosedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, reads := bucket.NewMem(), atomic.Int64{}
		there := NewHub(Config{Docs: bucket.NewDocuments(mem)})
		here := NewHub(Config{Docs: bucket.NewDocuments(bucket.Counted(mem, func(string, error, time.Duration, int64) { reads.Add(1) }))})
		change := func(f func(*Rules) error) {
			if _, err := there.Change(t.Context(), "c", f); err != nil {
				t.Fatal(err)
			}
		}
		names := func() (out string) {
			for range 10 {
				all, err := here.Emotes(t.Context(), "c")
				if err != nil {
					t.Fatal(err)
				}
				out = fmt.Sprint(all)
			}
			return out
		}
		if got := names(); got != "[]" {
			t.Errorf("a channel without emotes has %s", got)
		}
		time.Sleep(emotesTime)
		e := Emote{"wave", fmt.Sprintf("%032x.png", 1)}
		change(func(r *Rules) error { return r.PutEmote(e) })
		if got := names(); got != fmt.Sprint([]Emote{e}) {
			t.Errorf("the emotes are %s", got)
		}
		change(func(r *Rules) error { return r.DropEmote("wave") })
		time.Sleep(emotesTime)
		if got := names(); got != "[]" || reads.Load() != 3 || len(here.places) != 0 {
			t.Errorf("the emotes are %s after %d reads; %d rooms are open", got, reads.Load(), len(here.places))
		}
		time.Sleep(emotesTime)
		if here.tidy(time.Now()); len(here.emotes) != 0 {
			t.Errorf("it keeps %v", here.emotes)
		}
		change(func(r *Rules) error { return r.PutEmote(e) })
		if all, err := there.Emotes(t.Context(), "c"); err != nil || len(all) != 1 {
			t.Errorf("where the room is open: %v, %v", all, err)
		}
	})
}
