package api

import (
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// TestCardsDue waits for a card's clip: it is looked for at each tick, however long it takes, but for a while behind looks
// that fail, and not if it will never come.
func TestCardsDue(t *testing.T) {
	var x cards
	news := &channel.Channel{Slug: "news", Card: &channel.Card{Clip: "a"}}
	x.see(news)
	begun := time.Now()
	now := begun
	for ; now.Sub(begun) < time.Hour; now = now.Add(cardEvery) {
		if due := x.due(now); len(due) != 1 || due[0] != "news" {
			t.Fatalf("after %v: %v are due", now.Sub(begun), due)
		}
	}
	looks, last := 0, now
	for begun = now; now.Sub(begun) < time.Hour; now = now.Add(cardEvery) {
		if len(x.due(now)) == 0 {
			continue
		}
		if pause := now.Sub(last); pause > cardLongest+cardEvery {
			t.Errorf("failing, it is looked for after %v", pause)
		}
		x.failed("news", now)
		looks, last = looks+1, now
	}
	if looks < 55 || looks > 70 {
		t.Errorf("in an hour it failed %d times, want about once a minute", looks)
	}
	if x.over("news", "b"); len(x.waiting) != 1 {
		t.Error("the end of another clip ends it")
	}
	if x.over("news", "a"); len(x.waiting) != 0 {
		t.Error("one that will not come is waited for")
	}
	if x.see(news); len(x.due(now)) != 1 {
		t.Error("when the channel has changed it is not looked for again")
	}
	x.see(&channel.Channel{Slug: "news", Card: &channel.Card{Clip: "a"}, Plan: &channel.Plan{Card: "a"}})
	if due := x.due(begun.Add(24 * time.Hour)); len(due) > 0 {
		t.Errorf("one that is shown is looked for: %v", due)
	}
}
