package cmaf

import (
	"bytes"
	"testing"
)

// two makes a fragment of each of two tracks.
func two(base uint64) []byte {
	data := AppendFragment(nil, &Fragment{Sequence: 7, Track: 1, Base: base, Samples: []Sample{{Duration: 3000, Size: 3, Key: true}, {Duration: 3000, Size: 2}}, Data: []byte("12345")})
	return AppendFragment(data, &Fragment{Sequence: 8, Track: 2, Audio: true, Base: base / 2, Samples: []Sample{{Duration: 1024, Size: 4, Key: true}}, Data: []byte("6789")})
}

// TestMove moves fragments and finds the same samples at other times.
func TestMove(t *testing.T) {
	data := two(90000)
	next, err := Move(data, map[int]int64{1: -90000, 2: 500}, 3)
	if err != nil || next != 5 {
		t.Fatalf("the next number is %d, %v", next, err)
	}
	if want := two(0); len(data) != len(want) {
		t.Errorf("%d bytes, want %d", len(data), len(want))
	}
	got, err := ReadFragments(data)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d fragments, %v", len(got), err)
	}
	if got[0].Base != 0 || got[1].Base != 45500 || got[0].Sequence != 3 || got[1].Sequence != 4 || string(got[0].Samples[1].Data) != "45" {
		t.Errorf("moved: %+v", got)
	}
	if _, err := Move(two(90000), map[int]int64{1: -90001}, 1); err == nil {
		t.Error("it was moved before the beginning")
	}
}

// FuzzMove: whatever comes, it neither fails hard nor touches anything but times and numbers.
func FuzzMove(f *testing.F) {
	f.Add(two(90000), int64(5))
	f.Add(two(0)[:60], int64(-5))
	f.Fuzz(func(t *testing.T, data []byte, by int64) {
		before := bytes.Clone(data)
		_, err := Move(data, map[int]int64{1: by, 2: by}, 1)
		if len(before) != len(data) {
			t.Error("it has another length")
		}
		if fragments, readErr := ReadFragments(before); err == nil && readErr == nil {
			moved, err := ReadFragments(data)
			if err != nil || len(moved) != len(fragments) {
				t.Errorf("%d fragments are %d when they are moved: %v", len(fragments), len(moved), err)
			}
		}
	})
}
