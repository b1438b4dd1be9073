package e2e

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"
)

// TestChatPages lets viewers and a moderator chat by the pages, and looks at these with an accessibility checker.
func TestChatPages(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	n.until("the log prints a setup link", 10*time.Second, func() bool { return setupLink.MatchString(n.said()) })
	at, err := url.Parse(n.url(setupLink.FindString(n.said())))
	if err != nil {
		t.Fatal(err)
	}
	at.Host = "localhost:" + at.Port()
	var found struct {
		Step                        string
		End                         bool
		Faults, Exceptions, Console []string
	}
	over := make(chan struct{})
	drive(t, "chat.mjs", func(line []byte) {
		if err := json.Unmarshal(line, &found); err != nil {
			t.Errorf("the script says %.200q", line)
		}
	}, func() { close(over) }, at.String())
	select {
	case <-over:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the script got stuck after %q", found.Step)
	}
	if !found.End {
		t.Fatalf("the script ended after %q", found.Step)
	}
	for _, f := range append(append(found.Faults, found.Exceptions...), found.Console...) {
		t.Errorf("after %q: %s", found.Step, f)
	}
}
