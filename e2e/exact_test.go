package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fetched is what a client has of one entry: its init and its segments in order.
type fetched struct {
	init     string
	segments []string
}

// entries reads the addresses of a media playlist, split at discontinuities. Segments that are gaps
// are left out.
func entries(playlist string) []fetched {
	var out []fetched
	gap := false
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-MAP:URI="):
			out = append(out, fetched{init: strings.Trim(strings.TrimPrefix(line, "#EXT-X-MAP:URI="), `"`)})
		case line == "#EXT-X-GAP":
			gap = true
		case line != "" && line[0] != '#':
			if !gap {
				last := &out[len(out)-1]
				last.segments = append(last.segments, line)
			}
			gap = false
		}
	}
	return out
}

// follow plays a channel as a client does: it waits for each new number by a blocking request and
// keeps all that was listed, until the channel is off air or stop says so.
func (n *node) follow(slug string, stop func() bool) []fetched {
	n.t.Helper()
	var all []fetched
	next := int64(0)
	for {
		status, body := n.get(fmt.Sprintf("/%s/main.m3u8?_HLS_msn=%d", slug, next))
		if status == http.StatusOK {
			first := number(string(body), "#EXT-X-MEDIA-SEQUENCE:")
			for _, e := range entries(string(body)) {
				all = merge(all, e)
			}
			next = first + int64(strings.Count(string(body), "#EXTINF"))
		}
		if stop() {
			return all
		}
	}
}

// merge adds what is new of an entry.
func merge(all []fetched, e fetched) []fetched {
	i := slices.IndexFunc(all, func(o fetched) bool { return o.init == e.init })
	if i < 0 {
		return append(all, e)
	}
	for _, s := range e.segments {
		if !slices.Contains(all[i].segments, s) {
			all[i].segments = append(all[i].segments, s)
		}
	}
	return all
}

func number(playlist, tag string) int64 {
	var n int64 = -1
	if _, rest, ok := strings.Cut(playlist, tag); ok {
		fmt.Sscan(rest, &n)
	}
	return n
}

// download writes an entry's media into a file.
func (n *node) download(e fetched) string {
	n.t.Helper()
	path := filepath.Join(n.t.TempDir(), "fetched.mp4")
	f, err := os.Create(path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	for _, address := range append([]string{e.init}, e.segments...) {
		status, body := n.get(address)
		if status != http.StatusOK {
			n.t.Fatalf("GET %s: %d %s", address, status, body)
		}
		if _, err := f.Write(body); err != nil {
			n.t.Fatal(err)
		}
	}
	return path
}

// hashes returns the checksums of a stream's frames, decoded or as they are coded.
func hashes(t *testing.T, file, stream string, coded bool) []string {
	t.Helper()
	args := []string{"-ignore_editlist", "1", "-i", file, "-map", "0:" + stream + ":0", "-fps_mode", "passthrough"}
	if !strings.HasSuffix(file, ".mp4") {
		args = args[2:]
	}
	if coded {
		args = append(args, "-c", "copy")
	}
	out := ffmpeg(t, append(args, "-f", "framemd5", "-")...)
	var list []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(strings.TrimSpace(line), ",")
			list = append(list, strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return list
}

// expectSame compares the frames of a file with those that were published.
func expectSame(t *testing.T, what, got, want string) {
	t.Helper()
	for _, stream := range []string{"v", "a"} {
		for _, coded := range []bool{false, true} {
			g, w := hashes(t, got, stream, coded), hashes(t, want, stream, coded)
			if !slices.Equal(g, w) {
				t.Errorf("%s: stream %s (coded %v): %d frames, want %d; the first difference is at %d", what, stream, coded, len(g), len(w), firstDifference(g, w))
			}
		}
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestBitExact publishes files and compares every frame that a client gets with the file's: live, from
// the DVR after the take ended, and again after kill -9 and a restart.
func TestBitExact(t *testing.T) {
	for name, file := range files(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, "")
			encoder := publish(t, file, n.channel("exact"))
			live := n.follow("exact", func() bool { return n.state("exact") == "off" })
			if err := encoder.wait(t, time.Minute); err != nil {
				t.Fatalf("ffmpeg: %v\n%s", err, encoder.output())
			}
			if len(live) != 1 {
				t.Fatalf("the client saw %d takes, want 1", len(live))
			}
			expectSame(t, "live", n.download(live[0]), file)
			expectSame(t, "DVR", n.download(n.dvr("exact", 1)[0]), file)
			n.process.kill()
			n.start()
			n.until("the channel is known", 10*time.Second, func() bool { return n.state("exact") == "off" })
			expectSame(t, "DVR after kill -9", n.download(n.dvr("exact", 1)[0]), file)
		})
	}
}

// dvr returns the entries of the DVR playlist, which must be so many.
func (n *node) dvr(slug string, want int) []fetched {
	n.t.Helper()
	status, body := n.get("/" + slug + "/dvr/main.m3u8")
	if status != http.StatusOK {
		n.t.Fatalf("DVR playlist: %d %s", status, body)
	}
	all := entries(string(body))
	if len(all) != want {
		n.t.Fatalf("the DVR lists %d takes, want %d:\n%s", len(all), want, body)
	}
	return all
}

// TestKill kills the node in the middle of a broadcast and starts it again: everything that had arrived
// can be rewound, and the channel goes on under the next number when the publisher is back.
func TestKill(t *testing.T) {
	t.Parallel()
	file := media(t, 12)
	n := newNode(t, "")
	address := n.channel("kill")
	encoder := publish(t, file, address)
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("kill") == "live" })
	after(5 * time.Second)
	_, before := n.get("/kill/main.m3u8")
	n.process.kill()
	encoder.wait(t, 20*time.Second)
	n.start()

	all := n.dvr("kill", 1)
	got, want := hashes(t, n.download(all[0]), "v", true), hashes(t, file, "v", true)
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		t.Errorf("the DVR has %d frames that are not the file's first; the first difference is at %d", len(got), firstDifference(got, want))
	}
	// One flush and one part would be 19 frames; the journal keeps all but the part in the making.
	listed := listedParts(string(before))
	status, body := n.get("/kill/main.m3u8")
	if status != http.StatusOK {
		t.Fatalf("playlist after the restart: %d %s", status, body)
	}
	for _, address := range listed {
		if s, _ := n.get(address); s != http.StatusOK {
			t.Errorf("%s was listed before the crash and answers %d after it", address, s)
		}
	}

	encoder = publish(t, file, address)
	n.until("the channel is on air again", 10*time.Second, func() bool { return n.state("kill") == "live" })
	encoder.wait(t, time.Minute)
	n.until("the channel is off air", 10*time.Second, func() bool { return n.state("kill") == "off" })
	all = n.dvr("kill", 2)
	expectSame(t, "after the return", n.download(all[1]), file)
	_, last := n.get("/kill/main.m3u8")
	if was, is := number(string(before), "#EXT-X-MEDIA-SEQUENCE:"), number(string(last), "#EXT-X-MEDIA-SEQUENCE:"); is < was {
		t.Errorf("the media sequence went from %d to %d", was, is)
	}
	t.Logf("frames of the first take in the DVR after kill -9: %d", len(got))
}

// listedParts returns the addresses of all media in a playlist.
func listedParts(playlist string) []string {
	var out []string
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "#EXT-X-PART:"); ok {
			_, uri, _ := strings.Cut(rest, `URI="`)
			uri, _, _ = strings.Cut(uri, `"`)
			out = append(out, uri)
		} else if line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// TestGraceful ends the node with SIGTERM: nothing is left to recover, and nothing is lost.
func TestGraceful(t *testing.T) {
	t.Parallel()
	file := media(t, 6)
	n := newNode(t, "")
	encoder := publish(t, file, n.channel("graceful"))
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("graceful") == "live" })
	after(3 * time.Second)
	n.stop()
	encoder.wait(t, 20*time.Second)
	if !strings.Contains(encoder.output(), "going away") {
		t.Errorf("the encoder was told %q, want that the server is going away", encoder.output())
	}
	n.start()
	if strings.Contains(n.process.output(), "recovered") {
		t.Error("there was something to recover after a graceful end")
	}
	got, want := hashes(t, n.download(n.dvr("graceful", 1)[0]), "v", true), hashes(t, file, "v", true)
	if len(got) < 50 || !slices.Equal(got, want[:len(got)]) {
		t.Errorf("%d frames in the DVR, the first difference is at %d", len(got), firstDifference(got, want))
	}
}
