package e2e

import (
	"encoding/json"
	"testing"
	"time"
)

// TestEmbedded steers an embedded player from a page of another site, and opens a link to a moment.
func TestEmbedded(t *testing.T) {
	n := newNode(t, "")
	address := n.channel("news")
	camera(t, address, "320x180", "10", "440")
	n.until("the channel is on air", 20*time.Second, func() bool { return n.state("news") == "live" })
	var found struct {
		End                bool
		Faults, Exceptions []string
	}
	over := make(chan struct{})
	drive(t, "embedded.mjs", func(line []byte) {
		if err := json.Unmarshal(line, &found); err != nil {
			t.Errorf("the script says %.200q", line)
		}
	}, func() { close(over) }, n.url("/"), "news")
	select {
	case <-over:
	case <-time.After(2 * time.Minute):
		t.Fatal("the player was not steered within two minutes")
	}
	if !found.End {
		t.Fatal("the script ended early")
	}
	for _, f := range append(found.Faults, found.Exceptions...) {
		t.Error(f)
	}
}
