package api

import (
	"encoding/csv"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/figures"
)

// TestFigures counts some viewers and reads of them, as numbers and as a table that no spreadsheet runs.
func TestFigures(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	a := s.Config.Handler.(*API)
	c, err := a.cfg.Channels.Get("news")
	if err != nil {
		t.Fatal(err)
	}
	if v := ada.want(200, "GET", "/api/v1/channels/news/figures", ""); len(v["spans"].([]any)) != 0 || v["devices"] == nil {
		t.Errorf("nobody watched: %v", v)
	}
	now := time.Now().Truncate(figures.Span)
	for second := range 4 {
		a.cfg.Figures.Watched(c.ID, figures.Seen{Viewer: 1, At: now.Add(time.Duration(second*5) * time.Second), Device: figures.Phone, Referrer: "=cmd.example.org", Latency: time.Second})
	}
	v := ada.want(200, "GET", "/api/v1/channels/news/figures", "")
	total := v["total"].(map[string]any)
	if total["views"] != 1.0 || total["watched"].(float64)*3600 < 14.9 || total["latency"] != 1.0 || len(v["spans"].([]any)) != 1 {
		t.Errorf("one watched: %v", v)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/api/v1/channels/news/figures.csv", nil)
	req.Header.Set("Cookie", ada.cookie)
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || resp.StatusCode != 200 || len(rows) != 4 || rows[3][12] != "'=cmd.example.org" {
		t.Errorf("%d %v: %q", resp.StatusCode, err, rows)
	}
	ada.want(422, "GET", "/api/v1/channels/news/figures?from=2026-01-01T00:00:00Z&to=2025-01-01T00:00:00Z", "")
	bob.want(403, "GET", "/api/v1/channels/news/figures", "")
}
