package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestAccessible looks at every page with an accessibility checker (axe), in the dark on a large screen and in the light
// on a phone: it finds nothing serious.
func TestAccessible(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	address := n.channel("news")
	if status, body := n.call("PATCH", "/api/v1/channels/news", `{"record":true}`); status != 200 {
		t.Fatalf("record: %d %s", status, body)
	}
	past := camera(t, address, "320x180", "10", "440")
	n.until("the channel is on air", 20*time.Second, func() bool { return n.state("news") == "live" })
	after(3 * time.Second)
	past.kill()
	n.until("the log prints a setup link", 10*time.Second, func() bool { return setupLink.MatchString(n.said()) })
	n.until("it is recorded", 20*time.Second, func() bool {
		_, body := n.call("GET", "/api/v1/channels/news/recordings", "")
		return strings.Contains(string(body), `"kept"`)
	})
	camera(t, address, "320x180", "10", "440")
	n.until("the channel is on air again", 20*time.Second, func() bool { return n.state("news") == "live" })
	at, err := url.Parse(n.url(setupLink.FindString(n.said())))
	if err != nil {
		t.Fatal(err)
	}
	at.Host = "localhost:" + at.Port()
	var found struct {
		End                         bool
		Faults, Exceptions, Console []string
	}
	over := make(chan struct{})
	drive(t, "axe.mjs", func(line []byte) {
		if err := json.Unmarshal(line, &found); err != nil {
			t.Errorf("the script says %.200q", line)
		}
	}, func() { close(over) }, at.String(), "news")
	select {
	case <-over:
	case <-time.After(3 * time.Minute):
		t.Fatal("the pages were not looked at within 3 minutes")
	}
	if !found.End {
		t.Fatal("the script ended before it had looked at all pages")
	}
	for _, f := range append(append(found.Faults, found.Exceptions...), found.Console...) {
		t.Error(f)
	}
}
