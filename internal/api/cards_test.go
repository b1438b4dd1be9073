package api

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
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

const (
	oneCard, otherCard = "00000000000000aa", "00000000000000bb"
	cardsAt            = "/api/v1/channels/news/card"
)

// cardClip is the clip of a card that was made long ago, as it is stored.
func cardClip(id, state string) string {
	return fmt.Sprintf(`{"id":%q,"title":"Off-air card","created":"2026-01-01T00:00:00Z","origin":{"kind":"card"},"state":%q,"take":%q,"duration":5400000,"segments":30}`, id, state, theClip)
}

// shelve puts clips into the library, of the one take that there is.
func (n *newsroom) shelve(t *testing.T, clips ...string) {
	t.Helper()
	l, err := oneClip{}.Listing(t.Context(), theClip)
	if err != nil {
		t.Fatal(err)
	}
	segments := binary.AppendUvarint([]byte{1, 1}, 180_000) // one of one part
	segments = append(segments, 1<<1|1, 9)                  // which is independent and has one span
	index, err := json.Marshal(map[string]any{"take": l.Take, "channel": n.channel, "clip": oneCard, "pieces": []any{map[string]any{"bytes": 9, "segments": segments}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.bucket.Put(t.Context(), "takes/"+theClip.String(), bucket.Bytes(index)); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Update(t.Context(), bucket.NewDocuments(n.bucket), "library/"+n.channel+"/clips", func(shelf *json.RawMessage) error {
		*shelf = json.RawMessage(`{"channel":"` + n.channel + `","clips":[` + strings.Join(clips, ",") + `]}`)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestOtherCard deals a card of which another node knows that another one is to be shown: that one is, and its clip is
// there.
func TestOtherCard(t *testing.T) {
	n := newNewsroom(t, "")
	n.shelve(t, cardClip(otherCard, "ready"), cardClip(oneCard, "converting"))
	if c := n.ada.want(200, "PUT", cardsAt, `{"clip":"`+oneCard+`"}`); c["state"] != "making" {
		t.Fatalf("%v", c)
	}
	if _, err := bucket.Update(t.Context(), bucket.NewDocuments(n.bucket), "channels/news", func(c *channel.Channel) error {
		c.Card = &channel.Card{Kind: channel.PictureCard, Clip: otherCard}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n.shelve(t, cardClip(otherCard, "ready"), cardClip(oneCard, "ready"))
	for range 2 {
		if err := n.api.dealCard(t.Context(), "news"); err != nil {
			t.Fatal(err)
		}
	}
	if c := n.ada.want(200, "GET", cardsAt, ""); c["state"] != "shown" || c["clip"] != otherCard {
		t.Errorf("%v", c)
	}
}

// TestRemoveCard: what was removed is in the audit trail, once, also if this node did not know that there was one.
func TestRemoveCard(t *testing.T) {
	n := newNewsroom(t, "")
	n.shelve(t, cardClip(oneCard, "ready"))
	removed := func() (details []any) {
		for _, e := range n.ada.want(200, "GET", "/api/v1/channels/news/audit", "")["entries"].([]any) {
			if e := e.(map[string]any); e["did"] == "card.remove" {
				details = append(details, e["detail"])
			}
		}
		return details
	}
	n.ada.want(200, "PUT", cardsAt, `{"clip":"`+oneCard+`"}`)
	n.eve.want(403, "DELETE", cardsAt, "")
	for range 2 {
		if c := n.ada.want(200, "DELETE", cardsAt, ""); c["state"] != "none" {
			t.Errorf("%v", c)
		}
	}
	if got := removed(); len(got) != 1 || got[0] != "clip" {
		t.Errorf("the trail says that these were removed: %q", got)
	}
	if _, err := bucket.Update(t.Context(), bucket.NewDocuments(n.bucket), "channels/news", func(c *channel.Channel) error {
		c.Card = &channel.Card{Kind: channel.DrawnCard, Line: "Back on Sunday", Clip: oneCard}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n.ada.want(200, "DELETE", cardsAt, "")
	if got := removed(); len(got) != 2 || !strings.Contains(fmt.Sprint(got), "drawn: Back on Sunday") {
		t.Errorf("the trail says that these were removed: %q", got)
	}
	if left := n.ada.want(200, "GET", "/api/v1/channels/news/clips", ""); len(left["clips"].([]any)) > 0 {
		t.Errorf("its clip is left: %v", left)
	}
}
