package channel

import (
	"fmt"
	"testing"
	"time"
)

// TestLives knows a channel that was deleted also when its address has become another's, and whoever watches hears of its
// end also at a node that did not see it.
func TestLives(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		var heard []string
		s.Watch(func(c *Channel) { heard = append(heard, fmt.Sprint(c.ID, c.Deleted.IsZero())) })
		one, err := other.Create(t.Context(), Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(refreshEvery + time.Second)
		if err := remove(t, other, "news"); err != nil {
			t.Fatal(err)
		}
		if lives, known := other.Lives(one.ID); lives || !known {
			t.Errorf("deleted: %v, %v", lives, known)
		}
		two, err := other.Create(t.Context(), Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(refreshEvery + time.Second)
		for i, store := range []*Store{s, other} {
			if lives, known := store.Lives(one.ID); lives || !known {
				t.Errorf("node %d, deleted, with another at its address: %v, %v", i, lives, known)
			}
			if lives, known := store.Lives(two.ID); !lives || !known {
				t.Errorf("node %d, there: %v, %v", i, lives, known)
			}
			if _, known := store.Lives("nobody"); known {
				t.Errorf("node %d knows a channel that never was", i)
			}
		}
		if want := []string{one.ID + "true", one.ID + "false", two.ID + "true"}; fmt.Sprint(heard) != fmt.Sprint(want) {
			t.Errorf("the watcher heard %v, want %v", heard, want)
		}
	})
}
