package channel

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestShows(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	c := &Channel{}
	later, err := c.Announce(Show{Title: "Later", At: now.Add(2 * time.Hour), Minutes: 60}, now)
	if err != nil || later.ID == "" {
		t.Fatalf("Announce = %+v, %v", later, err)
	}
	if _, err := c.Announce(Show{Title: "Sooner", At: now.Add(time.Hour), Minutes: 30}, now); err != nil {
		t.Fatal(err)
	}
	if up := c.ComingUp(now); len(up) != 2 || up[0].Title != "Sooner" {
		t.Errorf("coming up is %+v", up)
	}
	if up := c.ComingUp(now.Add(90 * time.Minute)); len(up) != 1 || up[0].Title != "Later" {
		t.Errorf("when the first is over, coming up is %+v", up)
	}
	later.Title = "Much later"
	if s, err := c.Announce(later, now); err != nil || s.Version != 1 || c.Show(later.ID).Title != "Much later" {
		t.Errorf("changed: %+v, %v", s, err)
	}
	for _, bad := range []Show{
		{Title: "", At: now.Add(time.Hour), Minutes: 60}, {Title: "x", At: now.Add(-time.Hour), Minutes: 60}, {Title: "x", At: now.Add(time.Hour), Minutes: 0},
		{Title: "x", At: now.Add(10_000 * time.Hour), Minutes: 60}, {Title: strings.Repeat("x", 121), At: now.Add(time.Hour), Minutes: 60},
	} {
		if _, err := c.Announce(bad, now); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := c.Announce(Show{ID: "nobody", Title: "x", At: now.Add(time.Hour), Minutes: 1}, now); !errors.Is(err, ErrNotFound) {
		t.Errorf("a change of no show: %v", err)
	}
	if err := c.Withdraw(later.ID); err != nil || c.Show(later.ID) != nil {
		t.Errorf("Withdraw: %v", err)
	}
	if _, err := c.Announce(Show{Title: "Next week", At: now.Add(200 * time.Hour), Minutes: 60}, now.Add(100*time.Hour)); err != nil || len(c.Shows) != 1 {
		t.Errorf("what is long over is still there: %+v, %v", c.Shows, err)
	}
}
