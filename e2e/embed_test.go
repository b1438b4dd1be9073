package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// scripted runs a script in a browser that says at its end what was wrong.
func scripted(t *testing.T, script string, args ...string) {
	t.Helper()
	var found struct {
		End                bool
		Faults, Exceptions []string
	}
	over := make(chan struct{})
	drive(t, script, func(line []byte) {
		if err := json.Unmarshal(line, &found); err != nil {
			t.Errorf("the script says %.200q", line)
		}
	}, func() { close(over) }, args...)
	select {
	case <-over:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s did not end within two minutes", script)
	}
	if !found.End {
		t.Fatal("the script ended early")
	}
	for _, f := range append(found.Faults, found.Exceptions...) {
		t.Error(f)
	}
}

// TestEmbedded steers an embedded player from a page of another site, and opens a link to a moment.
func TestEmbedded(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	address := n.channel("news")
	camera(t, address, "320x180", "10", "440")
	n.until("one can go back by 20 s", 40*time.Second, func() bool {
		_, playlist := n.get("/news/dvr/main.m3u8")
		return strings.Count(string(playlist), "#EXTINF:") >= 10 // of two seconds each
	})
	scripted(t, "embedded.mjs", n.url("/"), "news")
}

// TestTellMe asks to be told when a channel is live, in browsers that can be told in different ways or not at all.
func TestTellMe(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	n.channel("news")
	scripted(t, "tell.mjs", n.url("/"), "news")
}

// TestChatInFrame chats in the frame of a page of another site.
func TestChatInFrame(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	n.channel("news")
	scripted(t, "framed.mjs", n.url("/"), "news")
}

// TestFetchedAgain opens pages of which every file fails to come the first time, as when the node that answers dies.
func TestFetchedAgain(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	n.channel("news")
	scripted(t, "again.mjs", n.url("/"), "news")
}
