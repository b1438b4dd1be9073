package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// tapes offers one recording.
type tapes struct{}

func (tapes) Offered(context.Context, string) ([]Offered, error) {
	return []Offered{{ID: "evening", Kind: OfferedRecording, Title: "<b>Evening</b>", Made: time.Unix(2e9, 0).UTC(), Duration: 90 * time.Second}}, nil
}

func (tapes) Playlist(_ context.Context, _, id, token string) ([]byte, error) {
	if id != "evening" {
		return nil, ErrNotOffered
	}
	return []byte("#EXTM3U " + token), nil
}

func (tapes) Poster(context.Context, string, string, int) ([]byte, error) {
	return nil, ErrNotOffered
}

// putClips writes a channel's shelf as the library does: a public clip, one that is not, and one that is not ready.
func putClips(t *testing.T, b bucket.Bucket, channel string) {
	t.Helper()
	shelf := map[string]any{"channel": channel, "clips": []map[string]any{
		{"id": "00000000000000aa", "title": "Open <script>", "created": "2026-01-02T03:04:05Z", "state": "ready", "duration": 90000 * 30, "in": 90000 * 10, "public": true},
		{"id": "00000000000000bb", "title": "Closed", "created": "2026-01-02T03:04:05Z", "state": "ready", "duration": 90000},
		{"id": "00000000000000cc", "title": "Young", "created": "2026-01-02T03:04:05Z", "state": "converting", "public": true},
	}}
	_, err := bucket.Update(t.Context(), bucket.NewDocuments(b), "library/"+channel+"/clips", func(doc *map[string]any) error {
		*doc = shelf
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOnDemand lists what channels offer, of all kinds, to who may watch them, and nothing else.
func TestOnDemand(t *testing.T) {
	x, b := newTheaterOn(t, `{"slug":"news"}`)
	x.api.cfg.OnDemand = []Offers{tapes{}}
	putClips(t, b, x.channel("news").ID)
	const at = "/api/v1/channels/news/ondemand"
	v := x.eve.want(200, "GET", at, "")
	items := v["items"].([]any)
	if len(items) != 2 || strings.Contains(toJSON(v), "Closed") || strings.Contains(toJSON(v), "Young") {
		t.Fatalf("offered: %v", v)
	}
	first, second := items[0].(map[string]any), items[1].(map[string]any)
	if first["kind"] != "recording" || second["kind"] != "clip" || second["duration"] != 20.0 || second["page"] != "/news?play=00000000000000aa" {
		t.Errorf("offered: %v", v)
	}
	if text, resp := get(t, x.s.URL+first["playlist"].(string)); resp.StatusCode != 200 || text != "#EXTM3U " {
		t.Errorf("playlist: %d %q", resp.StatusCode, text)
	}
	for _, id := range []string{"00000000000000bb", "00000000000000cc", "0000000000000000", "..%2f..%2fx", "x"} {
		x.eve.want(404, "GET", at+"/"+id+"/index.m3u8", "")
		x.eve.want(404, "GET", at+"/"+id+"/poster/1", "")
	}
	x.eve.want(404, "GET", at+"/evening/poster/0", "")
	x.eve.want(404, "GET", "/api/v1/channels/other/ondemand", "")
	x.eve.want(404, "GET", "/api/v1/channels/other/ondemand/evening/index.m3u8", "")

	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"password":"bread and wine"}`)
	for _, path := range []string{at, at + "/evening/index.m3u8", at + "/evening/poster/1"} {
		x.eve.want(403, "GET", path, "")
	}
	entered := x.eve.want(200, "POST", "/api/v1/channels/news/enter", `{"password":"bread and wine"}`)["token"].(string)
	x.eve.want(200, "GET", at+"?t="+entered, "")
	text, resp := get(t, x.s.URL+at+"/evening/index.m3u8?t="+entered)
	if token := strings.TrimPrefix(text, "#EXTM3U "); resp.StatusCode != 200 || len(token) < 20 || token == entered {
		t.Errorf("playlist with the password: %d %q", resp.StatusCode, text)
	}
	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"private"}`)
	for _, p := range []*person{x.eve, x.bob} {
		p.want(403, "GET", at, "")
		p.want(403, "GET", at+"/evening/index.m3u8", "")
	}
	x.ada.want(200, "GET", at, "")

	clip := "/api/v1/channels/news/clips/00000000000000bb"
	x.bob.want(403, "PATCH", clip, `{"public":true}`)
	if v := x.ada.want(200, "PATCH", clip, `{"public":true}`); v["public"] != true {
		t.Errorf("made public: %v", v)
	}
	if v := x.ada.want(200, "GET", at, ""); len(v["items"].([]any)) != 3 {
		t.Errorf("offered: %v", v)
	}
	root(t, x.s).want(204, "PUT", "/api/v1/channels/news/suspension", `{"reason":"x"}`)
	x.eve.want(404, "GET", at, "")
	x.eve.want(404, "GET", at+"/evening/index.m3u8", "")
}

// TestItemID lets nothing through that means something in a page.
func TestItemID(t *testing.T) {
	for id, good := range map[string]bool{"00000000000000aa": true, "evening-2": true, "": false, "a/b": false, "a&b": false, "<b>": false, fmt.Sprintf("%041d", 1): false} {
		if itemID(id) != good {
			t.Errorf("%q: %v", id, !good)
		}
	}
}
