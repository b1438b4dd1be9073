package take

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// sampleFeed is a feed with a frame of every kind.
func sampleFeed(tb testing.TB) []byte {
	tb.Helper()
	inc := &bundle.Incarnation{Node: "n", ID: "1"}
	t := &media.Take{ID: media.TakeID{1}, Channel: "c", Node: "n", Incarnation: "1", Born: time.Unix(9, 0).UTC(),
		Renditions: []media.Rendition{{Name: media.Main, Tracks: []media.Track{videoTrack}, Init: []byte("init")}}}
	e := &encoder{}
	e.birth(t)
	s := &segment{info: &media.SegmentInfo{Number: 3, Independent: true, Complete: true, Duration: 45000, Parts: []media.PartInfo{{Duration: 22500, Independent: true, Length: 4, Spans: []uint32{4}}, {Duration: 22500, Length: 2, Spans: []uint32{2}}}},
		stored: 2, refs: []bundle.Ref{{Incarnation: inc, Sequence: 5, Offset: 4, Length: 6}}, size: 6}
	e.segment(s)
	e.part(&media.Part{Segment: 4, Start: 45000, Duration: 22500, Independent: true, Spans: []uint32{3}, Data: []byte("abc")})
	e.mark(0, markLine{media.Pos{Segment: 4, Part: 1}, []byte("{}")})
	e.part(&media.Part{Segment: 4, Index: 1, Start: 67500, Duration: 22500, Last: true, Spans: []uint32{2}, Data: []byte("de")})
	e.refs(&segment{info: &media.SegmentInfo{Number: 4}, stored: 1, refs: []bundle.Ref{{Incarnation: inc, Sequence: 6, Offset: 4, Length: 3}}})
	e.limit(media.Pos{Segment: 4, Part: 1}, media.Pos{Segment: 4, Part: 2}, 1)
	e.end(true, media.Pos{Segment: 4, Part: 1})
	return append(bytes.Join(e.out(), nil), beatFrame...)
}

// TestFeedGolden holds the form of a feed: nodes of two releases follow one another.
func TestFeedGolden(t *testing.T) {
	data := sampleFeed(t)
	n, size := binary.Uvarint(data[1:])
	want := []byte{'S', 25, 3, 0, 0xc8, 0xdf, 2, 3, 10, 2, 0xe4, 0xaf, 1, 3, 4, 0xe4, 0xaf, 1, 2, 2, 2, 1, 5, 4, 6}
	want = append(want, 'P', 13, 4, 0, 0xc8, 0xdf, 2, 0xe4, 0xaf, 1, 1, 1, 3)
	got := data[1+size+int(n):]
	if data[0] != 'B' || !bytes.HasPrefix(got, want[:1]) || !bytes.Contains(got, append([]byte{'M', 5, 0, 4, 1}, "{}"...)) ||
		!bytes.Contains(got, []byte{'R', 6, 4, 1, 1, 6, 4, 3}) || !bytes.HasSuffix(got, []byte{'L', 5, 4, 1, 4, 2, 1, 'E', 3, 1, 4, 1, 'H', 0}) {
		t.Errorf("a feed is %q", got)
	}
	in := bufio.NewReader(bytes.NewReader(data))
	birth, err := ReadBirth(in)
	if err != nil {
		t.Fatal(err)
	}
	x := NewReplica(birth, nil)
	if err := x.Read(in); err != nil {
		t.Fatal(err)
	}
	l := x.Log()
	if a := l.Listing(0); len(a.Segments) != 2 || !a.Sealed || a.Seal != (media.Pos{Segment: 4, Part: 1}) || a.Limit != (media.Pos{Segment: 4, Part: 2}) || l.marksSafe != 1 {
		t.Errorf("it is read as %+v, %d marks safe", a, l.marksSafe)
	}
}

// frame makes a frame of numbers.
func frame(kind byte, list ...uint64) []byte {
	e := &encoder{}
	e.frame(kind, appendNumbers(nil, list...), nil)
	return bytes.Join(e.out(), nil)
}

// TestBadFeeds are refused, and cost no more than what was sent.
func TestBadFeeds(t *testing.T) {
	whole := sampleFeed(t)
	n, size := binary.Uvarint(whole[1:])
	birth := whole[:1+size+int(n)]
	for name, bad := range map[string][]byte{
		"unknown kind":                    {'x', 0},
		"another birth":                   birth,
		"a part in mid-segment":           frame('P', 0, 3, 0, 1, 0, 0),
		"a part of other bytes":           frame('P', 0, 0, 0, 1, 0, 1, 7),
		"unknown flags":                   frame('P', 0, 0, 0, 1, 4, 0),
		"too many tracks":                 frame('P', 0, 0, 0, 1, 0, 1000),
		"a segment cut short":             frame('S', 0, 0, 1),
		"a segment of which parts lack":   frame('S', 0, 0, 1, 3, 4, 1, 5, 1, 7, 0, 0),
		"a segment of parts without end":  frame('S', 0, 0, 1, 3, 3, 1<<60, 0, 0),
		"refs without end":                frame('R', 0, 1, 1<<60),
		"refs that say more than is sent": frame('R', 0, 1, 60000, 1, 2, 3),
		"a mark that follows none":        frame('M', 1, 0, 0),
		"a limit cut short":               frame('L', 1, 2),
		"an end cut short":                frame('E', 1),
		"an end of another sort":          frame('E', 7, 0, 0),
		"a length out of reason":          {'M', 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a part of a gigabyte":            {'P', 0x80, 0x80, 0x80, 0x80, 4},
	} {
		x := NewReplica(&media.Take{ID: media.TakeID{1}}, nil)
		if err := x.Read(bufio.NewReader(bytes.NewReader(bad))); !errors.Is(err, ErrFeed) {
			t.Errorf("%s: %v, want %v", name, err, ErrFeed)
		}
		if len(x.Log().Listing(0).Segments) > 0 {
			t.Errorf("%s: it counts", name)
		}
	}
	for name, bad := range map[string][]byte{"nothing": {}, "no birth": whole[len(birth):], "no JSON": {'B', 1, '{'}, "no take": {'B', 2, '{', '}'}, "long": {'B', 0xff, 0xff, 0xff, 0x7f}} {
		if _, err := ReadBirth(bufio.NewReader(bytes.NewReader(bad))); err == nil {
			t.Errorf("%s is a birth", name)
		}
	}
	for n := len(birth); n < len(whole); n++ {
		in := bufio.NewReader(bytes.NewReader(whole[:n]))
		take, err := ReadBirth(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := NewReplica(take, nil).Read(in); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut short at %d of %d: %v", n, len(whole), err)
		}
	}
	claims := []byte{'P', 0x80, 0x80, 0x80, 0x7f, 1} // says 254 MiB
	cost := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewReplica(&media.Take{}, nil).Read(bufio.NewReader(bytes.NewReader(claims)))
		}
	}).AllocedBytesPerOp()
	if cost > 1<<20 {
		t.Errorf("a frame of one byte that says it has 254 MiB costs %d bytes", cost)
	}
}

// FuzzReplica reads anything behind the birth of a take, and as one.
func FuzzReplica(f *testing.F) {
	whole := sampleFeed(f)
	n, size := binary.Uvarint(whole[1:])
	frames := whole[1+size+int(n):]
	f.Add(whole)
	f.Add(frames)
	f.Add(append(bytes.Clone(frames), frame('S', 9, 0, 1, 2, 1, 0, 0, 0)...))
	f.Add(append(bytes.Clone(frames), frame('R', 0, 1, 1, 1, 2, 3)...))
	f.Add(append(frame('P', 7, 0, 0, 1, 0, 0), frame('P', 7, 1, 1, 1, 2, 0)...))
	birth, err := ReadBirth(bufio.NewReader(bytes.NewReader(whole)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ReadBirth(bufio.NewReader(bytes.NewReader(data)))
		x := NewReplica(birth, nil)
		for range 2 { // a second node may send the same, or go on elsewhere
			x.Read(bufio.NewReader(bytes.NewReader(data)))
			probe(t, x)
		}
	})
}

// probe asks a log for everything that it may be asked for.
func probe(t *testing.T, x *Replica) {
	l := x.Log()
	var memory int64
	for i, s := range l.segments {
		for _, d := range s.data {
			memory += int64(len(d))
		}
		if s.stored > s.count() || len(s.data) > s.count() || i > 0 && s.info.Number != l.segments[i-1].info.Number+1 {
			t.Fatalf("segment %d behind %d others: %d parts, %d stored, %d in memory", s.info.Number, i, s.count(), s.stored, len(s.data))
		}
		for _, a := range []media.Address{{Segment: s.info.Number}, {Segment: s.info.Number, Run: true, To: 1}, {Segment: s.info.Number, Track: 1}} {
			a.Rendition = media.Main
			l.find(a)
		}
	}
	if memory != l.TailBytes() {
		t.Fatalf("it says that it has %d bytes in memory, and has %d", l.TailBytes(), memory)
	}
	x.From()
	l.Listing(0)
	l.Start(1)
	l.Edge()
	f := newFeed(l, media.Pos{}, 0)
	for range 1000 {
		if _, _, more, _ := f.take(); !more {
			break
		}
	}
	l.Trim(l.Edge().End / 2)
}
