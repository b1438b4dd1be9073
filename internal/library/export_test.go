package library

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestExport makes one MP4 of a recording of two picture sizes: it has the size of the longer one, all pictures and the
// sound, is there for every node, counts, and goes with the recording.
func TestExport(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	a, nodes := onAir(t, &now)
	l, ctx := nodes[0], t.Context()
	for _, c := range []Clip{film(t, l, "64x64", 6), film(t, l, "128x96", 2)} {
		a.show(l, c, a.numbered(), now)
		a.end()
		now = a.entries[len(a.entries)-1].End.Add(time.Second)
		if err := l.Delete(ctx, someChannel, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // it is noticed, and over
		if err := l.record(ctx); err != nil {
			t.Fatal(err)
		}
		now = now.Add(comesBack + time.Minute)
	}
	r := must(l.Recordings(ctx, someChannel))[0]
	if _, err := l.Export(ctx, someChannel, r.ID); !errors.Is(err, ErrState) {
		t.Errorf("before it is whole: %v", err)
	}
	if err := l.workAll(ctx, gatherPrefix); err != nil {
		t.Fatal(err)
	}
	if r = must(l.Recording(ctx, someChannel, r.ID)); r.Mixed == nil || !*r.Mixed {
		t.Fatalf("whole: %+v", r)
	}
	// One that became whole before anybody noted that: it is found out.
	must(l.updateRecording(ctx, someChannel, r.ID, func(r *Recording) error { r.Mixed = nil; return nil }))
	if r = must(l.Recording(ctx, someChannel, r.ID)); r.Mixed != nil || !must(l.Mixed(ctx, someChannel, &r)) {
		t.Errorf("what is not noted is not looked for: %+v", r)
	}
	for range 2 {
		if r = must(l.Export(ctx, someChannel, r.ID)); !*r.Mixed || r.Export.State != Exporting {
			t.Fatalf("when it is wanted: %+v", r)
		}
	}
	for range 2 { // a node that died behind its last write left the job there
		if err := nodes[1].workAll(ctx, exportPrefix); err != nil {
			t.Fatal(err)
		}
		r = must(l.Export(ctx, someChannel, r.ID))
	}
	if list := must(l.archive(ctx, someChannel)); r.Export.State != Exported || r.Export.Bytes == 0 || list.used() != r.Bytes+r.Export.Bytes {
		t.Fatalf("when it is made: %+v, %+v", r, r.Export)
	}
	if err := iotest.TestReader(l.OpenExport(ctx, someChannel, &r), must(io.ReadAll(l.OpenExport(ctx, someChannel, &r)))); err != nil {
		t.Error(err)
	}
	data := must(io.ReadAll(nodes[1].OpenExport(ctx, someChannel, &r)))
	if int64(len(data)) != r.Export.Bytes {
		t.Errorf("%d bytes, want %d", len(data), r.Export.Bytes)
	}
	if got := frames(t, data, "stream=codec_type,width,height,nb_frames"); countOf(got, "video,64,64,20") != 1 || countOf(got, "audio") != 1 { // 200 pictures, and what the seam takes
		t.Errorf("the file has %q", got)
	}
	if err := l.DeleteRecording(ctx, someChannel, r.ID); err != nil {
		t.Fatal(err)
	}
	if err := nodes[1].sweep(ctx); err != nil {
		t.Fatal(err)
	}
	expectLeft(t, l, "jobs/sweep", archiveKey(someChannel), "media/")
}

// numbered is a number behind all that was shown.
func (a *air) numbered() int64 { return int64(len(a.entries)) * 100 }

// TestExportRefused: what is of one kind needs none, and what finds no room says so and leaves nothing.
func TestExportRefused(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	a, nodes := onAir(t, &now)
	l, ctx := nodes[0], t.Context()
	a.show(l, film(t, l, "64x64", 2), 0, now)
	a.end()
	r := must(l.Keep(ctx, someChannel, Stretch{From: now, To: now.Add(2 * time.Second), Title: "All of it"}))
	if err := l.workAll(ctx, gatherPrefix); err != nil {
		t.Fatal(err)
	}
	r = must(l.Recording(ctx, someChannel, r.ID))
	if _, err := l.Export(ctx, someChannel, r.ID); *r.Mixed || !errors.Is(err, ErrInvalid) {
		t.Errorf("of one kind: mixed %v, %v", *r.Mixed, err)
	}
	if _, err := l.Export(ctx, someChannel, newID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
	must(l.updateRecording(ctx, someChannel, r.ID, func(r *Recording) error { *r.Mixed = true; return nil }))
	must(l.Export(ctx, someChannel, r.ID))
	l.cfg.Recordings = r.Bytes
	if err := l.workAll(ctx, exportPrefix); err != nil {
		t.Fatal(err)
	}
	if r = must(l.Recording(ctx, someChannel, r.ID)); r.Export.State != ExportFailed || !strings.Contains(r.Export.Fault, "delete some") {
		t.Errorf("without room: %+v", r.Export)
	}
	expectLeft(t, l, "clips/"+someChannel+"/", "takes/", "recordings/", "media/", "library/")
	if list := must(l.archive(ctx, someChannel)); list.used() != r.Bytes {
		t.Errorf("%d bytes are used, want %d", list.used(), r.Bytes)
	}
}

// TestJoin joins a file without sound and one with it: the sound stays where it was.
func TestJoin(t *testing.T) {
	silent := makeFile(t, "silent.mp4", join(pictures("64x64", "25", 3), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50")...)
	heard := makeFile(t, "heard.mp4", join(pictures("128x96", "25", 2), tone(2), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a aac")...)
	of := func(width, height, seconds int, sound bool) *Film {
		tracks := []media.Track{{ID: 1, Codec: media.H264, Width: width, Height: height, FrameRate: 25}}
		if sound {
			tracks = append(tracks, media.Track{ID: 2, Codec: media.AAC})
		}
		r := &reel{listing: media.Listing{Take: &media.Take{Renditions: []media.Rendition{{Name: media.Main, Tracks: tracks}}}}}
		r.listing.Segments = []*media.SegmentInfo{{Duration: media.Ticks(seconds) * media.TicksPerSecond}}
		return &Film{strips: []strip{{reel: r, to: 1}}}
	}
	kinds := []*Film{of(64, 64, 3, false), of(128, 96, 2, true)}
	if got, want := shapeOf(kinds), (shape{64, 64, 25, true}); got != want {
		t.Errorf("the shape is %+v, want %+v", got, want)
	}
	if got, want := shapeOf([]*Film{of(64, 64, 2, false), of(128, 96, 2, false)}), (shape{128, 96, 25, false}); got != want {
		t.Errorf("of two that last as long it is %+v, want %+v", got, want)
	}
	to := filepath.Join(t.TempDir(), "joined.mp4")
	if err := ffmpeg.Run(t.Context(), ffmpeg.Job{Args: joinArgs([]string{silent, heard}, kinds, to)}); err != nil {
		t.Fatal(err)
	}
	got := frames(t, must(os.ReadFile(to)), "stream=codec_type,width,height,nb_frames,duration")
	if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "video,64,64,5.0") }) ||
		!slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "audio,5.0") || strings.HasPrefix(s, "audio,4.9") }) {
		t.Errorf("the file has %q", got)
	}
}
