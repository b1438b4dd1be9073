package bundle

import (
	"bytes"
	"errors"
	"flag"

	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

var update = flag.Bool("update", false, "write the golden files anew")

func join(b bucket.Body) []byte { return bytes.Join(b, nil) }

// sampleItems are items of every kind, of two takes.
func sampleItems() []Item {
	a, b := media.TakeID{1, 2, 3}, media.TakeID{9}
	birth := &media.Take{ID: a, Channel: "c", Source: "s", Node: "n", Incarnation: "i", Born: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Renditions: []media.Rendition{{Name: "main", Init: []byte("init"), Tracks: []media.Track{{ID: 1, Codec: media.H264, Timescale: 90000, Config: []byte{1}}}}}}
	part := func(take media.TakeID, segment, index uint32, last bool, data string) Item {
		p := media.Part{Segment: segment, Index: index, Start: 22500 * media.Ticks(index), Duration: 22500, Independent: index == 0, Last: last, Spans: []uint32{uint32(len(data))}, Data: []byte(data)}
		return Item{Record: PartOf(take, &p), Data: p.Data}
	}
	return []Item{
		{Record: Record{Kind: KindBirth, Take: a, Birth: birth}}, part(a, 0, 0, false, "first part"), part(a, 0, 1, true, "second"),
		{Record: Record{Kind: KindMark, Take: a, Mark: []byte(`{"ended":"x"}`)}}, part(b, 7, 3, false, "of another take"),
		{Record: Record{Kind: KindEnd, Take: a, End: "the encoder stopped"}},
	}
}

// goldens are the bundles in testdata. Those written first have no names and no pieces.
func goldens() map[string]golden {
	a := media.TakeID{1, 2, 3}
	piece := Item{Record: Record{Kind: KindPiece, Take: a, Piece: Piece{Session: "tv~1", Name: "video/17.m4s", Sum: [32]byte{1, 2, 3, 31: 9}}}}
	return map[string]golden{
		"bundle":    {sampleItems(), Index{}},
		"fence":     {nil, Index{Fence: "node-7"}},
		"named":     {append(sampleItems()[:2], piece), Index{Witnesses: []string{"node-1", "node-2"}}},
		"unheard":   {nil, Index{Witnesses: []string{"node-3"}}},
		"testimony": {append(sampleItems(), piece), Index{Fence: "node-1"}},
	}
}

type golden struct {
	items []Item
	index Index
}

// TestGolden holds the form of a bundle: what is in buckets must stay readable.
func TestGolden(t *testing.T) {
	for name, g := range goldens() {
		body, records, err := encode(g.items, g.index)
		if err != nil {
			t.Fatal(err)
		}
		data := join(body)
		path := filepath.Join("testdata", name+".bin")
		if *update {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, golden) {
			t.Errorf("%s differs from its golden file: bundles that were written before must stay readable", name)
		}
		x, need, err := DecodeIndex(golden)
		if err != nil || need > 0 {
			t.Fatalf("%s: %v, %d bytes are missing", name, err, need)
		}
		if x.Fence != g.index.Fence || !reflect.DeepEqual(x.Witnesses, g.index.Witnesses) || len(records) != len(x.Records) || len(records) > 0 && !reflect.DeepEqual(x.Records, records) {
			t.Errorf("%s is read as\n%+v, want\n%+v", name, x, records)
		}
		if err := damaged(golden, x); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(join(EncodeFence("node-7")), mustRead(t, "fence")) {
		t.Error("EncodeFence makes another fence")
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRecordsThatCannotBeRead are not written either.
func TestRecordsThatCannotBeRead(t *testing.T) {
	for name, r := range map[string]Record{
		"mark":     {Kind: KindMark, Mark: make([]byte, maxText+1)},
		"end":      {Kind: KindEnd, End: string(make([]byte, maxEnd+1))},
		"birth":    {Kind: KindBirth},
		"duration": {Kind: KindPart, Part: PartRecord{Duration: -1}},
		"spans":    {Kind: KindPart, Part: PartRecord{Spans: make([]uint32, maxSpans+1)}},
		"sum":      {Kind: KindPart, Part: PartRecord{Length: 5, Spans: []uint32{3}}},
		"session":  {Kind: KindPiece, Piece: Piece{Session: string(make([]byte, maxName+1))}},
		"name":     {Kind: KindPiece, Piece: Piece{Name: string(make([]byte, maxName+1))}},
	} {
		if _, _, err := Encode([]Item{{Record: r}}); err == nil {
			t.Errorf("%s: it was encoded", name)
		}
	}
}

// TestDamagedParts finds a flipped bit in the bytes of a part.
func TestDamagedParts(t *testing.T) {
	body, records, err := Encode(sampleItems())
	if err != nil {
		t.Fatal(err)
	}
	whole := join(body)
	x := &Index{Records: records}
	if err := damaged(whole, x); err != nil {
		t.Errorf("a bundle as it was made: %v", err)
	}
	whole[len(magic)+3] ^= 4
	if err := damaged(whole, x); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a flipped bit in a part: %v, want %v", err, ErrCorrupt)
	}
}

// TestDecodeTail reads the index from any tail of the bundle that holds it, and says how much more it needs.
func TestDecodeTail(t *testing.T) {
	body, records, err := Encode(sampleItems())
	if err != nil {
		t.Fatal(err)
	}
	whole := join(body)
	for n := range len(whole) + 1 {
		tail := whole[len(whole)-n:]
		x, need, err := DecodeIndex(tail)
		switch {
		case n < footerSize:
			if err == nil && need == 0 {
				t.Fatalf("an index in %d bytes: %+v", n, x)
			}
		case err != nil:
			t.Fatalf("tail of %d bytes: %v", n, err)
		case need > 0 && int(need) <= n:
			t.Fatalf("tail of %d bytes: needs %d", n, need)
		case need == 0 && len(x.Records) != len(records):
			t.Fatalf("tail of %d bytes: %d records, want %d", n, len(x.Records), len(records))
		}
	}
}

// TestRoundTrip encodes any records and reads them back; a flipped bit is noticed.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []Item
		for range rapid.IntRange(1, 30).Draw(t, "items") {
			take := media.TakeID{byte(rapid.IntRange(0, 4).Draw(t, "take"))}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 3:
				piece := Piece{Session: rapid.StringN(0, 20, 60).Draw(t, "session"), Name: rapid.StringN(0, 20, 60).Draw(t, "name")}
				copy(piece.Sum[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
				items = append(items, Item{Record: Record{Kind: KindPiece, Take: take, Piece: piece}})
			case 0:
				items = append(items, Item{Record: Record{Kind: KindMark, Take: take, Mark: rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "mark")}})
			case 1:
				items = append(items, Item{Record: Record{Kind: KindEnd, Take: take, End: rapid.StringN(1, 20, 60).Draw(t, "end")}})
			default:
				data := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data")
				p := media.Part{
					Segment: rapid.Uint32().Draw(t, "segment"), Index: rapid.Uint32().Draw(t, "index"), Start: media.Ticks(rapid.Int64().Draw(t, "start")),
					Duration: media.Ticks(rapid.Int64Range(0, 1<<40).Draw(t, "duration")), Independent: rapid.Bool().Draw(t, "independent"), Last: rapid.Bool().Draw(t, "last"),
					Spans: []uint32{uint32(len(data))}, Data: data,
				}
				items = append(items, Item{Record: PartOf(take, &p), Data: data})
			}
		}
		in := Index{Fence: rapid.SampledFrom([]string{"", "node"}).Draw(t, "fence")}
		in.Witnesses = rapid.SliceOfN(rapid.StringN(0, 10, 30), 0, maxWitnesses).Draw(t, "witnesses")
		body, records, err := encode(items, in)
		if err != nil {
			t.Fatal(err)
		}
		whole := join(body)
		x, need, err := DecodeIndex(whole)
		if err != nil || need > 0 || !reflect.DeepEqual(x.Records, records) || x.Fence != in.Fence || !slices.Equal(x.Witnesses, in.Witnesses) {
			t.Fatalf("read back %+v, %d, %v, want %+v of %+v", x, need, err, records, in)
		}
		indexStart := len(whole) - len(body[len(body)-1])
		at := rapid.IntRange(indexStart, len(whole)-1).Draw(t, "spoiled byte")
		whole[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, need, err := DecodeIndex(whole); err == nil && need == 0 {
			t.Fatalf("a flipped bit at %d is not noticed", at)
		} else if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("a flipped bit: %v, want %v", err, ErrCorrupt)
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	for _, g := range goldens() {
		body, _, err := encode(g.items, g.index)
		if err != nil {
			f.Fatal(err)
		}
		whole := join(body)
		f.Add(whole)
		index := body[len(body)-1]
		f.Add(index[:len(index)-footerSize]) // as it is read without its checksum
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, need, err := DecodeIndex(data)
		if err == nil && need == 0 && x == nil {
			t.Error("neither an index nor an error")
		}
		// The checksum keeps the fuzzer out: the records behind it are read without one, too.
		d := &decoder{b: data}
		d.index()
		decodePage(append([]byte(pageMagic), data...), func(uint64, *Index) error { return nil })
		readJournal(data)
	})
}
