package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kept is what the API says of a recording.
type kept struct {
	ID, State, Page, Playlist string
	Begin, End                time.Time
	Duration                  float64
}

// recordings returns what is listed of a channel.
func (n *node) recordings(slug string) []kept {
	var out struct{ Recordings []kept }
	status, body := n.get("/api/v1/channels/" + slug + "/recordings")
	if status != http.StatusOK || json.Unmarshal(body, &out) != nil {
		return nil
	}
	return out.Recordings
}

// played fetches all that a recording's playlist lists, which must be one passage and have an end.
func (n *node) played(r kept) string {
	n.t.Helper()
	status, body := n.get(r.Playlist)
	all := entries(string(body))
	if status != http.StatusOK || len(all) != 1 || !strings.Contains(string(body), "#EXT-X-ENDLIST") || !strings.Contains(string(body), "#EXT-X-PROGRAM-DATE-TIME:") {
		n.t.Fatalf("the recording's playlist: %d\n%s", status, tail(string(body)))
	}
	return n.download(all[0])
}

// TestRecorded records a broadcast, and cuts a clip out of it while it goes on. When it has ended, the recording is
// listed and plays, also after the node was killed and its disk is lost, and in a browser; the MP4 of it has the same frames.
func TestRecorded(t *testing.T) {
	draws(t)
	file := media(t, 12)
	n := newNode(t, "")
	address := n.channel("show")
	if status, body := n.call("PATCH", "/api/v1/channels/show", `{"record":true}`); status != http.StatusOK {
		t.Fatalf("record: %d %s", status, body)
	}
	encoder := publish(t, file, address)
	n.until("three segments are listed", 15*time.Second, func() bool {
		_, body := n.get("/show/main.m3u8")
		return strings.Count(string(body), "#EXTINF") >= 3
	})
	_, body := n.get("/show/main.m3u8")
	_, first, _ := strings.Cut(string(body), "#EXT-X-PROGRAM-DATE-TIME:")
	begin, err := time.Parse(time.RFC3339, strings.Fields(first)[0])
	if err != nil {
		t.Fatal(err)
	}
	from, to := begin.Add(1500*time.Millisecond), begin.Add(4500*time.Millisecond)
	status, body := n.call("POST", "/api/v1/channels/show/clips", fmt.Sprintf(`{"from":%q,"to":%q,"title":"Goal"}`, from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)))
	var c clip
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil {
		t.Fatalf("cut a clip while it is live: %d %s", status, body)
	}
	if err := encoder.wait(t, time.Minute); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, encoder.output())
	}
	n.until("the recording is listed", 15*time.Second, func() bool { return len(n.recordings("show")) == 1 })
	r := n.recordings("show")[0]
	t.Logf("listed as %q, %.2f s long", r.State, r.Duration)
	expectSame(t, "the recording", n.played(r), file)

	n.process.kill()
	if err := os.RemoveAll(n.spool); err != nil {
		t.Fatal(err)
	}
	n.start()
	n.until("the channel is known", 10*time.Second, func() bool { return len(n.recordings("show")) == 1 })
	expectSame(t, "the recording after kill -9, with the bucket alone", n.played(r), file)
	whole := filepath.Join(t.TempDir(), "whole.mp4")
	n.fetchTo("/api/v1/channels/show/recordings/"+r.ID+"/download", whole)
	expectSame(t, "downloaded", whole, file)

	n.until("the clip is ready", 30*time.Second, func() bool {
		_, body := n.call("GET", "/api/v1/channels/show/clips/"+c.ID, "")
		json.Unmarshal(body, &c)
		if c.State == "failed" {
			t.Fatalf("the clip failed: %s", c.Fault)
		}
		return c.State == "ready"
	})
	cut := filepath.Join(t.TempDir(), "cut.mp4")
	n.fetchTo(c.Download, cut)
	got, all := hashes(t, cut, "v", true), hashes(t, file, "v", true)
	at := slices.Index(all, got[0])
	if at < 0 || len(got) < 75 || len(got) > 175 || at+len(got) > len(all) || !slices.Equal(got, all[at:at+len(got)]) {
		t.Errorf("the clip has %d pictures, the first of which is the %d. of the file: want those between the marks and their segments", len(got), at)
	}

	browseRecording(t, n)

	_, playlist := n.get(r.Playlist)
	segment := entries(string(playlist))[0].segments[0]
	if status, body := n.call("DELETE", "/api/v1/channels/show/recordings/"+r.ID, ""); status != http.StatusNoContent {
		t.Fatalf("delete: %d %s", status, body)
	}
	for _, path := range []string{r.Playlist, segment} {
		if status, _ := n.get(path); status != http.StatusNotFound {
			t.Errorf("%s answers %d after the recording was deleted", path, status)
		}
	}
}

// browseRecording has somebody play the recording in a browser, cut a clip out of it, and find that in the library.
func browseRecording(t *testing.T, n *node) {
	t.Helper()
	n.until("the log prints a setup link", 10*time.Second, func() bool { return setupLink.MatchString(n.said()) })
	at, err := url.Parse(n.url(setupLink.FindString(n.said())))
	if err != nil {
		t.Fatal(err)
	}
	at.Host = "localhost:" + at.Port()
	var said struct {
		End                 bool
		Failed              string
		Clip                float64
		Record              bool
		DVRWindow           int
		Exceptions, Console []string
	}
	over := make(chan struct{})
	drive(t, "recorded.mjs", func(line []byte) {
		if err := json.Unmarshal(line, &said); err != nil {
			t.Errorf("the script says %.200q", line)
		}
	}, func() { close(over) }, at.String(), "show")
	select {
	case <-over:
	case <-time.After(90 * time.Second):
		t.Fatal("the browser did not come to an end")
	}
	if said.Record || said.DVRWindow != 7200 {
		t.Errorf("after the studio's settings were saved: %+v, want no broadcasts kept and as much to rewind as before", said)
	}
	if !said.End || len(said.Exceptions)+len(said.Console) > 0 || said.Clip < 3 || said.Clip > 4 {
		t.Errorf("the browser said %+v, want a clip of 3.5 s", said)
	}
}
