package bundle

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestFrameGolden holds the form of a frame: nodes of two releases witness for each other.
func TestFrameGolden(t *testing.T) {
	f := frameOf(t, 300, 7, true, "x")
	var b bytes.Buffer
	for _, f := range []Frame{f, {Sequence: 1, Landed: true}} {
		if err := WriteFrame(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	body := join(f.Body)
	want := append(append([]byte{2, 0xac, 2, 7, byte(len(body))}, body...), 1, 1, 0, 0)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("frames are\n%s, want\n%s", hex.EncodeToString(b.Bytes()), hex.EncodeToString(want))
	}
	r := bufio.NewReader(&b)
	for _, want := range []Frame{{Sequence: 300, Lines: 7, Whole: true, Body: bucket.Bytes(body)}, {Sequence: 1, Landed: true}} {
		if got, err := ReadFrame(r); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read as %+v, %v, want %+v", got, err, want)
		}
	}
	if _, err := ReadFrame(r); err != io.EOF {
		t.Errorf("at the end: %v, want %v", err, io.EOF)
	}
}

// TestBadFrames are refused, and those that say that they are long are not believed before it has come.
func TestBadFrames(t *testing.T) {
	f := frameOf(t, 1, 1, false, "x")
	var whole bytes.Buffer
	if err := WriteFrame(&whole, f); err != nil {
		t.Fatal(err)
	}
	spoiled := bytes.Clone(whole.Bytes())
	spoiled[len(spoiled)-footerSize-1] ^= 1
	for name, data := range map[string][]byte{
		"unknown flags":      {8, 0, 0, 0},
		"no body":            {0, 0, 0, 0},
		"landed with a body": append([]byte{1}, whole.Bytes()[1:]...),
		"no bundle":          {0, 0, 0, 3, 'a', 'b', 'c'},
		"too long":           {0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"last number":        {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0},
		"a flipped bit":      spoiled,
	} {
		if _, err := ReadFrame(bufio.NewReader(bytes.NewReader(data))); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want %v", name, err, ErrCorrupt)
		}
	}
	for n := 1; n < whole.Len(); n++ {
		if _, err := ReadFrame(bufio.NewReader(bytes.NewReader(whole.Bytes()[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut short at %d of %d: %v", n, whole.Len(), err)
		}
	}
	long := []byte{0, 0, 0, 0x80, 0x80, 0x80, 0x80, 1, 'x'} // says 256 MiB
	bytesPer := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ReadFrame(bufio.NewReader(bytes.NewReader(long)))
		}
	}).AllocedBytesPerOp()
	if bytesPer > 1<<20 {
		t.Errorf("a frame of one byte that says it has 256 MiB costs %d bytes", bytesPer)
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, name := range []string{"bundle", "fence", "named", "testimony"} {
		body, err := os.ReadFile(filepath.Join("testdata", name+".bin"))
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if err := WriteFrame(&b, Frame{Sequence: 9, Lines: 3, Whole: true, Body: bucket.Bytes(body)}); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			frame, err := ReadFrame(r)
			if err != nil {
				return
			}
			var b bytes.Buffer
			if err := WriteFrame(&b, frame); err != nil {
				t.Fatal(err)
			}
			if again, err := ReadFrame(bufio.NewReader(&b)); err != nil || !reflect.DeepEqual(again, frame) {
				t.Fatalf("written again it is read as %+v, %v, want %+v", again, err, frame)
			}
		}
	})
}
