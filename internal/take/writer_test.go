package take

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// register is a Recorder that keeps everything in one list, and refuses what it is told to.
type register struct {
	items  []bundle.Item
	refuse bundle.Kind
}

func (r *register) Append(_ bundle.Owner, items ...bundle.Item) uint64 {
	if items[0].Record.Kind == r.refuse {
		return 0
	}
	r.items = append(r.items, items...)
	return uint64(len(r.items))
}

// bytesOf returns the bytes of all parts among the first so many records.
func (r *register) bytesOf(lines uint64) []byte {
	var out []byte
	for _, i := range r.items[:lines] {
		out = append(out, i.Data...)
	}
	return out
}

func newRegistered(t fataler, tracks []media.Track, fill bool) (*Writer, *register) {
	r := &register{}
	w, err := NewWriter(Birth{
		Take: media.Take{Channel: "c", Source: "s", Node: "n", Incarnation: "1", Born: time.Unix(100, 0)}, Recorder: r,
		Packager: PackagerConfig{Tracks: tracks, Fill: fill},
	})
	if err != nil {
		t.Fatalf("NewWriter: %v", err)
	}
	return w, r
}

// TestPieces notes pieces at any moment of any stream, also before its first keyframe: the note stands behind
// every sample that was written before it and that the take has at all.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		sound, picture := rapid.Bool().Draw(t, "sound"), rapid.Bool().Draw(t, "picture")
		if !sound && !picture {
			picture = true
		}
		lead := rapid.Int64Range(-90000, 90000).Draw(t, "lead")
		s := encode(6, []int64{3600}, rapid.IntRange(1, 60).Draw(t, "gop"), true, sound, picture, lead, rnd)
		s.samples = s.samples[rapid.IntRange(0, 40).Draw(t, "late"):]
		shift := rapid.Int64Range(-20000, 20000).Draw(t, "shift")
		w, r := newRegistered(t, s.tracks, rapid.Bool().Draw(t, "fill"))
		type piece struct {
			*Piece
			samples int
		}
		var pieces []piece
		for i := range s.samples {
			x := &s.samples[i]
			if x.Track == 1 {
				x.DTS += shift
			}
			x.Data = binary.BigEndian.AppendUint64(nil, rnd.Uint64())
			if err := w.Write(*x); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(15) == 0 {
				pieces = append(pieces, piece{w.Piece(bundle.Piece{Session: "s", Name: fmt.Sprint(i)}, rnd.IntN(2) == 0), i + 1})
			}
		}
		w.End("done")
		all := r.bytesOf(uint64(len(r.items)))
		for n, p := range pieces {
			line := lineOf(p.Piece)
			if line == 0 {
				t.Fatalf("piece %d of %d is never noted", n, len(pieces))
			}
			if rec := r.items[line-1].Record; rec.Kind != bundle.KindPiece || rec.Piece.Name != fmt.Sprint(p.samples-1) {
				t.Fatalf("piece %d is noted in line %d, and there is %+v", n, line, rec)
			}
			before := r.bytesOf(line)
			for _, x := range s.samples[:p.samples] {
				if bytes.Contains(all, x.Data) && !bytes.Contains(before, x.Data) {
					t.Fatalf("piece %d stands before a sample of track %d at %d that was written before it", n, x.Track, x.DTS)
				}
			}
		}
	})
}

// lineOf returns the number of a note, or 0 if it is not written.
func lineOf(p *Piece) uint64 {
	select {
	case <-p.Written:
		return p.Line
	default:
		return 0
	}
}

// TestPieceThatCannotBeStored is not acknowledged, nor is one whose take is dropped.
func TestPieceThatCannotBeStored(t *testing.T) {
	w, r := newRegistered(t, []media.Track{videoTrack, audioTrack}, false)
	r.refuse = bundle.KindPiece
	p := w.Piece(bundle.Piece{Name: "x"}, false)
	if line := lineOf(p); line > 0 {
		t.Errorf("a note that was refused has line %d", line)
	}
	r.refuse = 0
	if err := w.Write(media.Sample{Track: 1, Key: true, Data: []byte("picture")}); err != nil {
		t.Fatal(err)
	}
	p = w.Piece(bundle.Piece{Name: "y"}, false)
	w.Drop()
	if line := lineOf(p); line > 0 {
		t.Errorf("a note of a take that was dropped has line %d", line)
	}
}

// TestEndText is never longer than a record can be, and is whole text.
func TestEndText(t *testing.T) {
	w, r := newRegistered(t, []media.Track{videoTrack}, false)
	w.End(strings.Repeat("é", maxWhy))
	end := r.items[len(r.items)-1].Record
	if end.Kind != bundle.KindEnd || len(end.End) > maxWhy || strings.Trim(end.End, "é") != "" {
		t.Errorf("it ends with %q", end.End)
	}
}

// logOf makes a log whose segments begin at these seconds and are independent as told.
func logOf(first uint32, starts []float64, independent []bool) *Log {
	l := NewLog(&media.Take{ID: media.TakeID{1}}, nil)
	for i, s := range starts {
		l.segments = append(l.segments, &segment{info: &media.SegmentInfo{
			Number: first + uint32(i), Start: media.Ticks(s * media.TicksPerSecond), Duration: 2 * media.TicksPerSecond, Independent: independent[i], Complete: i < len(starts)-1,
		}})
	}
	return l
}

// TestStart finds where the program would enter a take.
func TestStart(t *testing.T) {
	yes := []bool{true, true, true, true, true}
	for name, c := range map[string]struct {
		l     *Log
		after float64
		want  uint32
	}{
		"nothing":                               {logOf(0, nil, nil), 0, 0},
		"it has only begun":                     {logOf(0, []float64{0, 2}, yes), 0, 0},
		"it runs":                               {logOf(0, []float64{0, 2, 4, 6}, yes), 0, 3},
		"it runs and older ones are trimmed":    {logOf(7, []float64{14, 16}, yes), 0, 8},
		"after what was shown":                  {logOf(0, []float64{0, 2, 4, 6}, yes), 3.9, 2},
		"a little of it again":                  {logOf(0, []float64{0, 2, 4, 6}, yes), 4.2, 2},
		"not too much of it":                    {logOf(0, []float64{0, 2, 4, 6}, yes), 4.3, 3},
		"the backup is behind":                  {logOf(0, []float64{0, 2, 4, 6}, yes), 9, 3},
		"only with a keyframe":                  {logOf(0, []float64{0, 2, 4, 6}, []bool{true, true, false, true}), 3.9, 3},
		"none with a keyframe: the newest":      {logOf(0, []float64{0, 2, 4, 6}, []bool{true, true, false, false}), 3.9, 3},
		"what it was to begin with was trimmed": {logOf(5, []float64{10, 12, 14}, yes), 3, 5},
	} {
		segment, at := c.l.Start(media.Ticks(c.after * media.TicksPerSecond))
		if s := c.l.at(segment); segment != c.want || s != nil && s.info.Start != at {
			t.Errorf("%s: segment %d at %v, want %d", name, segment, at.Duration(), c.want)
		}
	}
}

// TestComplete ends the logs of a dead writer's followers where its witness says, whatever they have of it:
// by a feed, from bundles, or nothing.
func TestComplete(t *testing.T) {
	for _, ended := range []bool{false, true} {
		x := newLedger(t)
		w, err := NewWriter(Birth{
			Take:     media.Take{Channel: "c", Source: "s", Node: x.inc.Node, Incarnation: x.inc.ID, Born: time.Unix(100, 0)},
			Packager: PackagerConfig{Tracks: []media.Track{videoTrack, audioTrack}}, Recorder: x,
		})
		if err != nil {
			t.Fatal(err)
		}
		s := encode(7, []int64{3600}, 25, true, true, true, 0, testRand())
		var early []byte
		for i, sample := range s.samples {
			if err := w.Write(sample); err != nil {
				t.Fatal(err)
			}
			if i == 100 || i == 200 {
				x.flush()
				early = sent(w.Log(), media.Pos{}, 0)
			}
		}
		w.Mark(func(Edge) []byte { return []byte("mark") })
		if ended {
			w.End("done")
		}
		found, _, _, err := bundle.Scan(t.Context(), x.bucket, x.inc)
		if err != nil {
			t.Fatal(err)
		}
		all := Gather(slices.Concat(x.items, []bundle.Item{{Record: bundle.Record{Kind: bundle.KindMark, Take: media.TakeID{7}, Mark: []byte("of another take")}}}))
		held := all[w.Log().Take().ID]
		if len(all) != 2 || len(held.Marks) != 1 || held.Ended != ended || held.Birth != nil || len(held.Parts) < 4 {
			t.Fatalf("gathered %d takes, %d marks, %d parts, ended %v", len(all), len(held.Marks), len(held.Parts), held.Ended)
		}
		spool, err := bundle.OpenSpool(t.TempDir(), "n", nil, bundle.SpoolConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer spool.Close()
		store := NewStore(bundle.NewReader(x.bucket, spool, 0))
		for name, fill := range map[string]func(*Replica){
			"fed all":  func(r *Replica) { mustFeed(t, r, sent(w.Log(), media.Pos{}, 0)) },
			"fed some": func(r *Replica) { mustFeed(t, r, early) },
			"bundles":  func(r *Replica) { r.Bundles(found) },
		} {
			r := NewReplica(w.Log().Take(), nil)
			fill(r)
			l := r.Log()
			l.Complete(held)
			want := w.Log().Edge().At
			if a := l.Listing(0); l.Edge().At != want || !a.Ended || a.Sealed == ended || l.Finished() != ended || a.Limit != want || !ended && a.Seal != want {
				t.Errorf("%s: it ends at %v, limit %v, sealed %v %v, want %v", name, l.Edge().At, a.Limit, a.Sealed, a.Seal, want)
			}
			store.Add(l)
			if name != "bundles" { // the first bytes of its newest segment are in the bucket only
				expectRight(t, store, x, l)
			}
			l.Complete(held)
			if l.Edge().At != want {
				t.Errorf("%s: completed twice it ends at %v", name, l.Edge().At)
			}
		}
		empty := NewReplica(w.Log().Take(), nil).Log()
		if empty.Complete(held); len(empty.Listing(0).Segments) > 0 && empty.segments[0].info.Number == held.Parts[0].Segment && held.Parts[0].Index > 0 {
			t.Error("a segment begins in its middle")
		}
	}
}

func mustFeed(t *testing.T, x *Replica, data []byte) {
	t.Helper()
	n, size := binary.Uvarint(data[1:])
	x.Read(bufio.NewReader(bytes.NewReader(data[1+size+int(n):])))
}
