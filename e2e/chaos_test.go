package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/demo/front"
)

// The faults of docs/volatility.md.
const (
	faultLossless = "kill -9 of the ingest node, mayfly push"
	faultIngest   = "kill -9 of the ingest node, RTMP from ffmpeg in a retry loop"
	faultPair     = "primary and backup publisher, the primary's node is killed"
	faultServing  = "kill -9 of the node that serves the viewer"
	faultDirector = "kill -9 of the director, and a cut 4 s later"
)

// The figures.
const (
	newPictures   = "new pictures after the fault (s)"
	sinceBack     = "new pictures after the publisher was back (s)"
	stallPage     = "longest stall, our page in Chromium (s)"
	stallLow      = "longest stall, low latency (s)"
	stallStandard = "longest stall, standard latency (s)"
	mediaGap      = "media missing at the seam (s)"
	holesInTakes  = "pictures missing inside a take"
	lostShown     = "pictures that were shown and are gone"
	unlisted      = "pictures that were shown and are in no segment of the DVR"
	neverReceived = "media before the death that is not in the recording (s)"
	comparisons   = "playlists compared line by line between nodes"
	cutTook       = "answer to the cut (s)"
)

const (
	// warm is how long a channel is on air before something happens to it: a player at standard latency
	// has 12 s by then.
	warm = 14 * time.Second
	// settled is how long after a fault viewers are looked at.
	settled = 12 * time.Second
	// none is a stall that is none: what a busy machine does to a player.
	none = 0.3
)

// TestDeath kills the node that takes in one channel, takes in another's primary publisher, serves viewers
// of a third, and directs a fourth.
func TestDeath(t *testing.T) {
	if repeating() {
		t.Parallel()
	}
	f := newFleet(t)
	film := newFilm(t, "300k")
	defer f.logs(t)
	ingest := f.stage(film, "ingest", 1).publish(0, 0, 1, 2)
	pushed := f.stage(film, "pushed", 1).lossless(0, 0, 1, 2)
	pair := f.stage(film, "pair", 1).publish(0, 0, 1, 2)
	other := f.stage(film, "served", 1).publish(0, 1, 2, 0)
	cuts := f.stage(film, slugDirectedBy(nodeNames[0], "directed"), 2).publish(0, 1, 2, 0)
	all := []*stage{ingest, pair, other, cuts, pushed}
	for _, s := range all {
		s.live().watch(1, 2)
	}
	pair.backup(0, 1, 2, 0)
	cuts.publish(1, 2, 1, 0)
	served := f.watch(f.front([]front.Backend{{Name: "anna", Address: f.nodes[0].http}, {Name: "bert", Address: f.nodes[1].http}, {Name: "cleo", Address: f.nodes[2].http}}), "served", film)
	other.viewers = append(other.viewers, served)
	page := open(t, "http://"+f.viewer+"/ingest")
	page.until("the page plays", 20*time.Second, func(s sample) bool { return s.State == "live" && s.CurrentTime > 0 })
	after(warm)

	died := time.Now()
	f.nodes[0].process.kill()
	after(4 * time.Second)
	cuts.cut(t, faultDirector, f.nodes[2], 1)
	after(settled)
	now := time.Now()

	o := ingest.seen(died, now)
	bar(t, faultIngest, newPictures, o.fresh, 4)
	figure(t, faultIngest, sinceBack, o.fresh-ingest.publishers[0].back(died).Sub(died).Seconds())
	figure(t, faultIngest, stallLow, o.low)
	bar(t, faultIngest, stallStandard, o.standard, none)
	figure(t, faultIngest, stallPage, page.still(died, now))
	page.quit()
	o = pushed.seen(died, now)
	bar(t, faultLossless, stallLow, o.low, 4)
	bar(t, faultLossless, stallStandard, o.standard, none)
	o = pair.seen(died, now)
	figure(t, faultPair, newPictures, o.fresh)
	figure(t, faultPair, stallLow, o.low)
	bar(t, faultPair, stallStandard, o.standard, none)
	low, standard := served.seen(died, now)
	bar(t, faultServing, stallLow, low, 1)
	bar(t, faultServing, stallStandard, standard, none)
	f.check(all...)

	r := ingest.recording()
	bar(t, faultIngest, holesInTakes, float64(r.holes), 0)
	bar(t, faultIngest, lostShown, float64(r.lost), 0)
	figure(t, faultIngest, unlisted, float64(r.unlisted))
	figure(t, faultIngest, neverReceived, died.Sub(r.end()).Seconds())
	r = pushed.kept(t, faultLossless)
	r.every(t, faultLossless)
	r = pair.recording()
	gap, ok := r.seam()
	if !ok {
		t.Errorf("the program did not go on with the backup publisher: %d takes", len(r.pictures))
	}
	bar(t, faultPair, mediaGap, gap, 2)
	bar(t, faultPair, lostShown, float64(r.lost), 0)
	r = other.recording()
	bar(t, faultServing, lostShown, float64(r.lost), 0)
	r = cuts.recording()
	bar(t, faultDirector, lostShown, float64(r.lost), 0)
	if len(r.pictures) != 2 {
		t.Errorf("the channel that was cut has %d takes in its recording, want 2", len(r.pictures))
	}
	figure(t, faultDirector, mediaGap, must(r.seam()))
}

func must(v float64, _ bool) float64 { return v }

// cut asks a node for a cut to a source, and waits until viewers get it.
func (s *stage) cut(t *testing.T, fault string, n *node, source int) {
	t.Helper()
	asked := time.Now()
	status, body := n.admin("POST", "/api/v1/channels/"+s.channel.Slug+"/cuts", fmt.Sprintf(`{"source":%q}`, s.channel.Sources[source].ID))
	took := time.Since(asked).Seconds()
	if status != 200 && status != 202 {
		t.Errorf("the cut was answered %d %s", status, body)
		return
	}
	figure(t, fault, cutTook, took)
	var answer struct{ Number int64 }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Error(err)
	}
	for _, v := range s.viewers {
		if !eventually(6*time.Second, func() bool { return len(v.takes(asked)) > 0 }) {
			t.Errorf("the viewer at %s sees nothing of the cut", v.host)
		}
	}
	bar(t, fault, "new pictures after the cut (s)", s.seen(asked, time.Now()).fresh, 4)
}

// takes returns the takes of which the first picture came after a time.
func (v *viewer) takes(since time.Time) (list []string) {
	old := map[string]bool{}
	for _, a := range v.has(false) {
		if a.at.After(since) && !a.gap && !old[a.take] {
			list = append(list, a.take)
		}
		old[a.take] = true
	}
	return list
}
