package cmaf

import (
	"encoding/binary"
	"testing"
)

// foreignInit is an init with an edit list and defaults, and nothing else.
func foreignInit(edits ...[2]uint32) []byte {
	w := &boxes{}
	w.box("moov", func() {
		w.full("mvhd", 0, 0, func() { w.u32s(0, 0, 1000, 0); w.zeros(80) })
		w.box("trak", func() {
			w.full("tkhd", 0, 3, func() { w.u32s(0, 0, 7, 0); w.zeros(68) })
			w.box("edts", func() {
				w.full("elst", 0, 0, func() {
					w.u32(uint32(len(edits)))
					for _, e := range edits {
						w.u32s(e[0], e[1], 0x10000)
					}
				})
			})
			w.box("mdia", func() { w.full("mdhd", 0, 0, func() { w.u32s(0, 0, 12800, 0, 0) }) })
		})
		w.box("mvex", func() { w.full("trex", 0, 0, func() { w.u32s(7, 1, 512, 3, flagsNonKey) }) })
	})
	return w.b
}

func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		edits [][2]uint32
		shift int64
	}{
		{"none", nil, 0},
		{"skip", [][2]uint32{{0, 1024}}, -1024},
		{"delay", [][2]uint32{{80, 1<<32 - 1}, {0, 0}}, 1024},
		{"both", [][2]uint32{{80, 1<<32 - 1}, {0, 512}}, 512},
	} {
		got, err := ReadDefaults(foreignInit(c.edits...))
		want := Defaults{Duration: 512, Size: 3, Flags: flagsNonKey, Shift: c.shift}
		if err != nil || got[7] != want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got[7], err, want)
		}
	}
	if _, err := ReadDefaults(foreignInit([2]uint32{0, 12800 * 60})); err == nil {
		t.Error("an edit list that skips a minute is believed")
	}
}

// TestForeignFragments reads a fragment that leaves all to its init, and one that counts from the
// beginning of the file.
func TestForeignFragments(t *testing.T) {
	fragment := func(flags uint32, base uint64) []byte {
		w := &boxes{}
		w.box("moof", func() {
			w.full("mfhd", 0, 0, func() { w.u32(1) })
			w.box("traf", func() {
				w.full("tfhd", 0, flags, func() {
					w.u32(7)
					if flags&tfhdBaseDataOffset != 0 {
						w.u32s(uint32(base>>32), uint32(base))
					}
				})
				w.full("tfdt", 0, 0, func() { w.u32(1024) })
				w.full("trun", 0, trunDataOffset|trunFirstFlags, func() { w.u32s(2, 0, flagsKey) })
			})
		})
		binary.BigEndian.PutUint32(w.b[len(w.b)-8:], uint32(len(w.b)+boxHeader))
		w.box("mdat", func() { w.text("abcdef") })
		return w.b
	}
	defaults := map[int]Defaults{7: {Duration: 512, Size: 3, Flags: flagsNonKey}}
	for _, data := range [][]byte{fragment(tfhdBaseIsMoof, 0), fragment(tfhdBaseDataOffset, 5000)} {
		got, err := ReadForeign(data, 5000, defaults)
		if err != nil || len(got) != 1 || len(got[0].Samples) != 2 {
			t.Fatalf("%+v, %v, want one fragment with two samples", got, err)
		}
		a, b := got[0].Samples[0], got[0].Samples[1]
		if !a.Key || b.Key || string(a.Data)+string(b.Data) != "abcdef" || a.DTS != 1024 || b.DTS != 1536 {
			t.Errorf("%+v", got[0].Samples)
		}
	}
	if _, err := ReadForeign(fragment(tfhdBaseDataOffset, 4999), 5000, defaults); err == nil {
		t.Error("a fragment that refers to another place is read")
	}
}

func FuzzReadDefaults(f *testing.F) {
	f.Add(foreignInit([2]uint32{80, 1<<32 - 1}, [2]uint32{0, 512}))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := ReadDefaults(data)
		for _, d := range found {
			if err == nil && (d.Shift > 1<<40 || d.Shift < -1<<40) {
				t.Errorf("shift %d", d.Shift)
			}
		}
	})
}
