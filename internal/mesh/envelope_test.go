package mesh

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzEnvelope(f *testing.F) {
	e := envelope{kind: kindMessage, run: 7, sent: time.Second, life: messageTime, from: "node-1", data: []byte("data")}
	f.Add(e.append(nil))
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(bytes.Repeat([]byte{255}, envelopeFixed))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e envelope
		if e.parse(b) != nil {
			return
		}
		if again := e.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x is read as %+v, which is written as %x", b, e, again)
		}
	})
}

func TestEnvelope(t *testing.T) {
	good := envelope{kind: kindRequest, run: 1 << 63, sent: time.Hour, life: 5 * time.Second, from: strings.Repeat("n", maxNode), data: make([]byte, MaxMessage)}
	var got envelope
	if err := got.parse(good.append(nil)); err != nil || got.run != good.run || got.from != good.from || len(got.data) != MaxMessage || got.life != good.life {
		t.Errorf("the greatest envelope: %v", err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"cut off":           func(b []byte) []byte { return b[:envelopeFixed-1] },
		"another version":   func(b []byte) []byte { b[0] = 2; return b },
		"no kind":           func(b []byte) []byte { b[1] = 0; return b },
		"an unknown kind":   func(b []byte) []byte { b[1] = 9; return b },
		"a time before 0":   func(b []byte) []byte { b[10] = 255; return b },
		"a name cut off":    func(b []byte) []byte { b[22] = 200; return b[:30] },
		"no name":           func(b []byte) []byte { b[22] = 0; return b },
		"a name with blank": func(b []byte) []byte { b[envelopeFixed] = ' '; return b },
		"too long":          func(b []byte) []byte { return append(b, make([]byte, 2)...) },
	} {
		if err := new(envelope).parse(change(good.append(nil))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestAges tells what waited in front of a node that stood still from what is new, whatever the clocks say.
func TestAges(t *testing.T) {
	var a ages
	const ahead = 1000 * time.Hour // the sender has run for longer
	now := time.Minute
	hear := func(wait time.Duration) bool {
		_, stale := a.of("x", 1, now-wait+ahead, messageTime, now)
		return !stale
	}
	for range 1000 {
		if now += 500 * time.Millisecond; !hear(20 * time.Millisecond) {
			t.Fatal("a beat that comes as quickly as ever is called old")
		}
	}
	// The node stands still for 15 s, and then reads what waited within 100 ms.
	now += 15 * time.Second
	for wait := 15 * time.Second; wait > 0; wait -= 500 * time.Millisecond {
		now += 3 * time.Millisecond
		if got, want := hear(wait), wait <= messageTime; got != want {
			t.Errorf("a message that waited %v: taken %v, want %v", wait, got, want)
		}
	}
	// The sender's machine sleeps for a minute, and its clock with it: soon it is believed again.
	taken := 0
	for range 8 {
		now += 500 * time.Millisecond
		if hear(time.Minute) {
			taken++
		}
	}
	if taken < 2 {
		t.Errorf("a sender whose clock slept is heard %d times of 8 in 4 s, want at last", taken)
	}
	// Another run of it begins its clock anew.
	if _, stale := a.of("x", 2, 0, messageTime, now); stale {
		t.Error("the first message of another run is called old")
	}
	// Clocks may drift apart by 1 s in 1,000 s.
	sent := time.Duration(0)
	for i := range 200_000 {
		now, sent = now+500*time.Millisecond, sent+500*time.Millisecond-time.Duration(400)*time.Microsecond
		if _, stale := a.of("x", 2, sent, messageTime, now); stale {
			t.Fatalf("beat %d of a slow clock is called old", i)
		}
	}
	// A request has a life of its own.
	if _, stale := a.of("x", 2, sent-time.Second, 500*time.Millisecond, now); !stale {
		t.Error("a request that waited for 1 s and had 500 ms is answered")
	}
	for i := range maxPeers + 5 {
		a.of(string(rune('a'+i%26))+strings.Repeat("x", i%50)+time.Duration(i).String(), 1, 0, messageTime, now)
	}
	if len(a.peers) > maxPeers {
		t.Errorf("%d senders are remembered, want at most %d", len(a.peers), maxPeers)
	}
}
