package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	faultTwo         = "two of three nodes at once, kill -9"
	faultThree       = "all three at once, kill -9, and back"
	faultAway        = "bucket away for 60 s"
	faultAwayPush    = "bucket away for 60 s, mayfly push"
	faultAwayDeath   = "bucket away for 60 s, and the ingest node dies meanwhile"
	faultCut         = "mesh partition for 30 s, bucket reachable"
	faultCutAway     = "mesh partition and bucket away together, 30 s"
	faultZombie      = "SIGSTOP for 60 s, then SIGCONT; an encoder with a 5 s time-out"
	faultZombiePush  = "SIGSTOP for 60 s, then SIGCONT; mayfly push"
	faultTerm        = "SIGTERM of the ingest node (spot notice), RTMP"
	faultRollingPush = "rolling upgrade of all nodes, mayfly push"
	faultRolling     = "rolling upgrade of all nodes, RTMP"
)

const (
	ownSide   = "longest stall on the publisher's side, low latency (s)"
	otherSide = "longest stall on the other side, low latency (s)"
	agreed    = "until all nodes list the same (s)"
	tookExit  = "until the process has ended (s)"
)

// TestMassDeath kills the node that takes in a channel together with the one that takes in another, and later
// all three at once, and starts them again.
func TestMassDeath(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	defer f.logs(t)
	film := newFilm(t, "300k")
	one := f.stage(film, "one", 1).publish(0, 0, 2, 1)
	two := f.stage(film, "two", 1).publish(0, 1, 2, 0)
	for _, s := range []*stage{one, two} {
		s.live().watch(2)
	}
	after(warm)
	died := time.Now()
	f.nodes[0].process.kill()
	f.nodes[1].process.kill()
	after(settled + 4*time.Second)
	now := time.Now()
	for _, s := range []*stage{one, two} {
		o := s.seen(died, now)
		figure(t, faultTwo, newPictures, o.fresh)
		bar(t, faultTwo, sinceBack, o.fresh-s.publishers[0].back(died).Sub(died).Seconds(), 10)
		figure(t, faultTwo, stallLow, o.low)
		figure(t, faultTwo, stallStandard, o.standard)
	}
	f.nodes[0].start()
	f.nodes[1].start()
	f.whole()
	after(warm)

	died = time.Now()
	for _, n := range f.nodes {
		n.process.kill()
	}
	after(2 * time.Second)
	for _, n := range f.nodes {
		n.launch()
	}
	f.nodes[0].ready()
	ready := time.Now()
	after(settled + 8*time.Second)
	now = time.Now()
	for _, s := range []*stage{one, two} {
		back := s.publishers[0].back(ready)
		if last := s.publishers[0].last(); back.IsZero() || last.Before(back) {
			back = last
		}
		if back.Before(ready) {
			back = ready
		}
		o := s.seen(died, now)
		figure(t, faultThree, newPictures, o.fresh)
		bar(t, faultThree, "new pictures after a node and the publisher were back (s)", o.fresh-back.Sub(died).Seconds(), 10)
		figure(t, faultThree, stallLow, o.low)
		figure(t, faultThree, stallStandard, o.standard)
	}
	f.check(one, two)
	for _, s := range []*stage{one, two} {
		s.kept(t, faultThree)
	}
}

// kept notes what the recording of a channel has.
func (s *stage) kept(t *testing.T, fault string) *recording {
	t.Helper()
	r := s.recording()
	bar(t, fault, holesInTakes, float64(r.holes), 0)
	bar(t, fault, lostShown, float64(r.lost), 0)
	figure(t, fault, unlisted, float64(r.unlisted))
	return r
}

// last returns when the encoder was started last.
func (p *publisher) last() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts[len(p.starts)-1]
}

// TestBucketAway takes the bucket away from all nodes for a minute, cuts between sources meanwhile, and kills
// a node that takes in another channel.
func TestBucketAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	defer f.logs(t)
	film := newFilm(t, "300k")
	steady := f.stage(film, "steady", 2).publish(0, 1, 2, 0)
	dying := f.stage(film, "dying", 1).publish(0, 0, 1, 2)
	pushed := f.stage(film, "pushed", 1).lossless(0, 1, 2, 0)
	for _, s := range []*stage{steady, dying, pushed} {
		s.live().watch(1, 2)
	}
	steady.publish(1, 2, 1, 0)
	after(warm)
	gone := time.Now()
	f.away(refusing)
	after(15 * time.Second)
	steady.cut(t, faultAway, f.nodes[2], 1)
	fresh := f.watch(f.nodes[0].http, "steady", film)
	after(20 * time.Second)
	died := time.Now()
	o := steady.seen(gone, died)
	bar(t, faultAway, stallLow, o.low, none)
	bar(t, faultAway, stallStandard, o.standard, none)
	if _, body := f.nodes[1].get("/api/v1/guide"); !strings.Contains(string(body), `"bucketAway":true`) {
		t.Errorf("the guide does not say that the bucket is away: %s", body)
	}
	if len(fresh.has(false)) == 0 {
		t.Errorf("a new viewer during the outage saw nothing")
	}
	f.nodes[0].process.kill()
	after(time.Until(gone.Add(60 * time.Second)))
	now := time.Now()
	o = dying.seen(died, now)
	bar(t, faultAwayDeath, sinceBack, o.fresh-dying.publishers[0].back(died).Sub(died).Seconds(), 4)
	figure(t, faultAwayDeath, newPictures, o.fresh)
	figure(t, faultAwayDeath, stallLow, o.low)
	bar(t, faultAwayDeath, stallStandard, o.standard, none)
	f.away(opened)
	after(settled)
	o = dying.seen(died, time.Now())
	figure(t, faultAwayDeath, "new pictures, the outage's end counted (s)", o.fresh)
	f.check(steady, dying, pushed)
	steady.kept(t, faultAway)
	pushed.kept(t, faultAwayPush).every(t, faultAwayPush)
	dying.kept(t, faultAwayDeath)
}

// TestPartition cuts one node off the others, once with the bucket and once without.
func TestPartition(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	defer f.logs(t)
	film := newFilm(t, "300k")
	alone := f.stage(film, "alone", 1).publish(0, 0).live().watch()
	others := f.stage(film, "others", 1).publish(0, 1).live().watch()
	side := func(s *stage, nodes ...int) (list []*viewer) {
		for _, i := range nodes {
			v := f.watch(f.nodes[i].http, s.channel.Slug, film)
			s.viewers, list = append(s.viewers, v), append(list, v)
		}
		return list
	}
	own := append(side(alone, 0), side(others, 1, 2)...)
	other := append(side(alone, 1, 2), side(others, 0)...)
	after(warm)
	for _, fault := range []string{faultCut, faultCutAway} {
		cut := time.Now()
		f.cut(0, true)
		if fault == faultCutAway {
			f.away(refusing)
		}
		after(30 * time.Second)
		f.cut(0, false)
		f.away(opened)
		now := time.Now()
		f.agree(t, fault, "alone", "others")
		worst := func(list []*viewer) (worst float64) {
			for _, v := range list {
				low, standard := v.seen(cut, now)
				t.Logf("%s: viewer of %s at %s: longest stall %.2f s at low latency, %.2f s at standard", fault, v.channel, f.name(v.host), low, standard)
				worst = max(worst, low)
			}
			return worst
		}
		bar(t, fault, ownSide, worst(own), none)
		figure(t, fault, otherSide, worst(other))
		after(settled)
	}
	f.check(alone, others)
	alone.kept(t, faultCutAway)
	others.kept(t, faultCutAway)
}

// cut cuts node i off the mesh, or joins it again.
func (f *fleet) cut(i int, off bool) {
	f.t.Helper()
	if f.world != nil {
		f.world.cut(f.nodes[i], off)
		return
	}
	value := map[bool]string{true: "1", false: "0"}[off]
	resp, err := client.Post("http://"+f.nodes[i].faults+"/mesh?cut="+value, "", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.t.Fatalf("cut the mesh: %s", resp.Status)
	}
}

// agree waits until all nodes see one another and list the same.
func (f *fleet) agree(t *testing.T, fault string, slugs ...string) {
	t.Helper()
	healed := time.Now()
	if !eventually(20*time.Second, func() bool { return f.alike(slugs) }) {
		t.Errorf("%s: the nodes do not agree after 20 s", fault)
	}
	bar(t, fault, agreed, time.Since(healed).Seconds(), 10)
}

// alike reports whether the newest whole segments that the nodes list are of one take, at most one segment apart.
func (f *fleet) alike(slugs []string) bool {
	for _, slug := range slugs {
		var first int64
		take := ""
		for i, n := range f.living() {
			if n.sees() != len(f.living()) {
				return false
			}
			_, body := n.get("/" + slug + "/main.m3u8")
			list := listedParts(string(body))
			if len(list) == 0 {
				return false
			}
			last := number(string(body), "#EXT-X-MEDIA-SEQUENCE:") + int64(strings.Count(string(body), "#EXTINF"))
			if i == 0 {
				first, take = last, takeOf(list[len(list)-1])
			}
			if takeOf(list[len(list)-1]) != take || last-first > 1 || first-last > 1 {
				return false
			}
		}
	}
	return true
}

// TestZombie stops a node for a minute and lets it go on.
func TestZombie(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	defer f.logs(t)
	film := newFilm(t, "3M")
	s := f.stage(film, "zombie", 1).publish(0, 0, 1, 2).live()
	pushed := f.stage(film, "pushed", 1).lossless(0, 0, 1, 2).live()
	for _, i := range []int{1, 2} {
		s.viewers = append(s.viewers, f.watch(f.nodes[i].http, "zombie", film))
		pushed.viewers = append(pushed.viewers, f.watch(f.nodes[i].http, "pushed", film))
	}
	after(warm)
	stopped := time.Now()
	f.nodes[0].process.cmd.Process.Signal(syscall.SIGSTOP)
	after(60 * time.Second)
	now := time.Now()
	o := s.seen(stopped, now)
	figure(t, faultZombie, newPictures, o.fresh)
	bar(t, faultZombie, sinceBack, o.fresh-s.publishers[0].back(stopped).Sub(stopped).Seconds(), 2)
	figure(t, faultZombie, stallLow, o.low)
	figure(t, faultZombie, stallStandard, o.standard)
	o = pushed.seen(stopped, now)
	bar(t, faultZombiePush, stallLow, o.low, 4)
	bar(t, faultZombiePush, stallStandard, o.standard, none)
	woke := time.Now()
	f.nodes[0].process.cmd.Process.Signal(syscall.SIGCONT)
	s.viewers = append(s.viewers, f.watch(f.nodes[0].http, "zombie", film))
	after(settled)
	low, _ := s.viewers[0].seen(woke, time.Now())
	bar(t, faultZombie, "longest stall after it woke, low latency (s)", low, none)
	f.check(s, pushed)
	s.kept(t, faultZombie)
	pushed.kept(t, faultZombiePush).every(t, faultZombiePush)
}

// TestLeaving asks the ingest node to leave, and then upgrades all nodes one after the other.
func TestLeaving(t *testing.T) {
	if repeating() {
		t.Parallel()
	}
	f := newFleet(t)
	defer f.logs(t)
	film := newFilm(t, "300k")
	s := f.stage(film, "leaving", 1).publish(0, 0, 1, 2).live().watch()
	s.viewers = append(s.viewers, f.watch(f.viewer, "leaving", film))
	other := f.stage(film, "calm", 1).publish(0, 1, 2, 0).live().watch()
	pushed := f.stage(film, "pushed", 1).lossless(0, 0, 1, 2).live().watch()
	after(warm)
	asked := time.Now()
	f.nodes[0].process.cmd.Process.Signal(syscall.SIGTERM)
	f.nodes[0].process.wait(t, 31*time.Second)
	bar(t, faultTerm, tookExit, time.Since(asked).Seconds(), 30)
	after(settled)
	o := s.seen(asked, time.Now())
	figure(t, faultTerm, newPictures, o.fresh)
	figure(t, faultTerm, stallLow, o.low) // how soon the encoder is back counts
	bar(t, faultTerm, stallStandard, o.standard, none)
	o = other.seen(asked, time.Now())
	bar(t, faultTerm, "longest stall of viewers of it, low latency (s)", o.low, none)
	f.nodes[0].start()
	f.whole()
	after(settled)

	began := time.Now()
	for _, n := range f.nodes {
		n.process.cmd.Process.Signal(syscall.SIGTERM)
		n.process.wait(t, 31*time.Second)
		n.start()
		f.whole()
		after(4 * time.Second)
	}
	after(settled / 2)
	now := time.Now()
	figure(t, faultRolling, "until all were upgraded (s)", now.Sub(began).Seconds())
	for _, s := range []*stage{s, other} {
		o := s.seen(began, now)
		figure(t, faultRolling, stallLow, o.low)
		bar(t, faultRolling, stallStandard, o.standard, none)
	}
	o = pushed.seen(began, now)
	bar(t, faultRollingPush, stallLow, o.low, none)
	bar(t, faultRollingPush, stallStandard, o.standard, none)
	f.check(s, other, pushed)
	pushed.kept(t, faultRollingPush).every(t, faultRollingPush)
	s.kept(t, faultRolling)
	other.kept(t, faultRolling)
}
