package chat

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// FuzzWire reads what other nodes and the bucket give: what is read is what a node could have written, and a room takes it in.
func FuzzWire(f *testing.F) {
	at := time.UnixMilli(1_700_000_000_000).UTC()
	m := said{Message{ID: newID(at), At: at, Who: "gx", Name: "Ann", Text: "hi"}, "m"}
	poll, _ := NewPoll("Which?", []string{"a", "b"}, at)
	w := wire{Version: wireVersion, Room: "c/viewers", Said: []said{m}, Held: []said{m}, Freed: []string{m.ID}, Removed: []string{m.ID}, Kept: []string{m.ID}, Reactions: map[string]int{"heart": 2},
		Votes: []vote{{Poll: poll.ID, Who: "gx", Option: 1, At: 5}}, Rules: &Rules{Version: 2, Mode: Open, Words: []string{"x"}, Poll: poll}}
	data, _ := json.Marshal(w)
	f.Add(data)
	kept, _ := page{Messages: []Message{m.Message}}.encode()
	f.Add(kept)
	f.Add([]byte(`{"v":1,"room":"c/crew","votes":[{"poll":"p","option":-1}],"rules":{"poll":{"options":["a","b"]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, err := parseWire(data); err == nil {
			out, err := json.Marshal(w)
			if err != nil {
				t.Fatalf("%q is read, and cannot be written: %v", data, err)
			}
			if again, err := parseWire(out); err != nil || !slices.Equal(again.Removed, w.Removed) {
				t.Errorf("%q became %q, which is not read: %v", data, out, err)
			}
			r := NewRoom("c", false)
			r.Heard(w, at)
			r.Heard(w, at.Add(time.Second))
			r.Collect()
			r.Snapshot(true)
		}
		if list, err := parsePage(data); err == nil {
			out, err := page{Messages: list}.encode()
			if err != nil {
				t.Fatalf("%q is read, and cannot be written: %v", data, err)
			}
			if again, err := parsePage(out); err != nil || len(again) != len(list) {
				t.Errorf("%q became %q: %v", data, out, err)
			}
		}
	})
}
