package api

import (
	"context"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// oneClip is a library that has one clip, of 30 segments.
type oneClip struct{}

var theClip = media.TakeID{15: 1}

func (oneClip) Listing(_ context.Context, id media.TakeID) (*media.Listing, error) {
	if id != theClip {
		return nil, take.ErrNoMedia
	}
	t := &media.Take{ID: id, Renditions: []media.Rendition{{Name: media.Main, Tracks: []media.Track{{ID: 1, Codec: media.AAC, Timescale: 48000, Config: []byte{0x11, 0x90}}}}}}
	l := &media.Listing{Take: t, Rendition: media.Main, Ended: true}
	for n := range 30 {
		l.Segments = append(l.Segments, &media.SegmentInfo{Number: uint32(n), Start: media.Ticks(n) * 180000, Duration: 180000, Complete: true})
	}
	return l, nil
}

func get(t *testing.T, url string, headers ...string) (string, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), resp
}

func TestSchedule(t *testing.T) {
	s, _ := serve(t, token)
	admin := []string{"Authorization", "Bearer " + token}
	if status, c, _ := ask(t, s, "POST", "/api/v1/channels", `{"slug":"news","title":"News & more"}`, admin...); status != 201 {
		t.Fatalf("create: %d %v", status, c)
	}
	if status, c, _ := ask(t, s, "GET", "/api/v1/channels/news/schedule", "", admin...); status != 200 || !strings.Contains(toJSON(c), `"version":0`) {
		t.Errorf("a channel without a plan: GET schedule: %d %v, want version 0", status, c)
	}
	if status, c, _ := ask(t, s, "GET", "/api/v1/channels/news/guide", ""); status != 200 || !strings.Contains(toJSON(c), `"programmes":[]`) {
		t.Errorf("a channel without a plan: GET guide: %d %v, want nothing in it", status, c)
	}
	body := func(slot string) string {
		return fmt.Sprintf(`{"zone":"Europe/Berlin","filler":"loop","storyboards":[{"id":"loop","title":"<Loop>","clips":[{"take":%q,"title":"=1+1"}]},
			{"id":"eight","title":"The News","clips":[{"take":%q,"title":"News"}]}],"slots":[%s]}`, theClip, theClip, slot)
	}
	const eight = `{"storyboard":"eight","at":"20:00","days":[0,1,2,3,4,5,6]}`
	for _, q := range []struct {
		body, says string
		status     int
	}{
		{body(`{"storyboard":"eight","at":"25:00","days":[1]}`), "want a time", 422},
		{body(`{"storyboard":"nine","at":"20:00","days":[1]}`), "not in the plan", 422},
		{body(`{"storyboard":"eight","at":"20:00"}`), "no weekdays", 422},
		{strings.Replace(body(eight), "Europe/Berlin", "Mars/North", 1), "time zone", 422},
		{strings.Replace(body(eight), theClip.String(), media.TakeID{1}.String(), 1), "cannot be read", 422},
		{body(eight), `"version":1`, 200},
		{body(eight), `"version":2`, 200},
	} {
		if status, c, _ := ask(t, s, "PUT", "/api/v1/channels/news/schedule", q.body, admin...); status != q.status || !strings.Contains(toJSON(c), q.says) {
			t.Errorf("PUT: %d %v, want %d with %q", status, c, q.status, q.says)
		}
	}
	if status, c, _ := ask(t, s, "GET", "/api/v1/channels/news/schedule", "", admin...); status != 200 || !strings.Contains(toJSON(c), `"at":"20:00:00"`) {
		t.Errorf("GET: %d %v", status, c)
	}
	status, c, _ := ask(t, s, "GET", "/api/v1/channels/news/guide", "")
	list, _ := c["programmes"].([]any)
	if status != 200 || len(list) < 14 || len(list) > 16 || c["now"] == nil || c["next"] == nil {
		t.Errorf("guide: %d, %d programmes, now %v, next %v", status, len(list), c["now"], c["next"])
	}
	if status, c, _ := ask(t, s, "GET", "/api/v1/channels/news/guide?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z", ""); status != 422 {
		t.Errorf("a guide for a year: %d %v", status, c)
	}
	text, resp := get(t, s.URL+"/api/v1/channels/news/guide.xml")
	var tv xmltv
	if err := xml.Unmarshal([]byte(text), &tv); err != nil || len(tv.Programmes) != len(list) || tv.Channel.Name != "News & more" || !strings.Contains(resp.Header.Get("Content-Type"), "xml") {
		t.Errorf("XMLTV: %v, %d programmes of %q, %v", err, len(tv.Programmes), tv.Channel.Name, resp.Header)
	}
	if status, c, _ := ask(t, s, "POST", "/api/v1/channels/news/cuts", `{"source":"autopilot"}`, admin...); status != 200 {
		t.Fatalf("cut: %d %v", status, c)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if text, resp = get(t, s.URL+"/api/v1/channels/news/as-run.csv", admin...); strings.Contains(text, "autopilot") {
			break
		}
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][4] != "'=1+1" && rows[1][4] != "News" || resp.Header.Get("Content-Disposition") == "" {
		t.Errorf("as-run: %v %q", err, rows)
	}
	if text, resp := get(t, s.URL+"/news/thumbnail.jpg"); resp.StatusCode != 200 || !strings.HasPrefix(text, "/media/"+theClip.String()) {
		t.Errorf("the picture of what the plan plays: %d %s", resp.StatusCode, text)
	}
	if status, c, _ := ask(t, s, "PATCH", "/api/v1/channels/news", `{"visibility":"private"}`, admin...); status != 200 {
		t.Fatalf("private: %d %v", status, c)
	}
	if text, resp := get(t, s.URL+"/api/v1/channels/news/guide.xml"); resp.StatusCode == 200 || strings.Contains(text, "Loop") {
		t.Errorf("the guide of a private channel: %d %s", resp.StatusCode, text)
	}
	if text, resp := get(t, s.URL+"/news/thumbnail.jpg"); resp.StatusCode != 404 {
		t.Errorf("the picture of a private channel: %d %s", resp.StatusCode, text)
	}
	if _, resp := get(t, s.URL+"/api/v1/channels/news/as-run"); resp.StatusCode != 401 {
		t.Errorf("the log without a token: %d", resp.StatusCode)
	}
}
