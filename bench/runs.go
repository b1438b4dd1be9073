package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Figures of MediaMTX 1.20.1 from an earlier run on a machine of this size, for when none is
// given: CPU in ms per viewer-second at 200 low-latency viewers, and per request, of which a
// viewer made 20 a second.
var (
	earlierPerViewer  = figures{2.92}
	earlierPerRequest = figures{0.146}
)

// each measures the kinds of server in turns, once per round, so that a disturbance of the
// machine does not fall on one alone.
func (b *bench) each(kinds []string, measure func(kind string) error) error {
	for round := range b.rounds {
		for i := range kinds {
			kind := kinds[(i+round)%len(kinds)]
			if err := measure(kind); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	return nil
}

// kinds adds MediaMTX to the list if there is one.
func (b *bench) kinds(list ...string) []string {
	if b.mediamtx != "" {
		list = append(list, "MediaMTX")
	}
	return list
}

// ingest measures 50 publishers.
func (b *bench) ingest(ctx context.Context) error {
	const n = 50
	cpu, rss := map[string]figures{}, map[string]figures{}
	err := b.each(b.kinds("mayfly", "nginx"), func(kind string) error {
		s, err := b.up(ctx, kind, n)
		if err != nil {
			return err
		}
		defer s.stop()
		var r publishResult
		if err := b.load(ctx, &r, "publish", "-url", s.publish, "-n", strconv.Itoa(n), "-file", b.small,
			"-warmup", "8s", "-for", b.window.String(), "-pid", s.pid()); err != nil {
			return err
		}
		if r.Live != n {
			return fmt.Errorf("%d of %d streams were live at the end: %s", r.Live, n, r.LastErr)
		}
		progress("%s: %.2f ms per stream-second, %.2f MB per stream", kind, r.PerStreamS*1000, r.RSSPerStream)
		b.saturated("ingest", kind, r.Server, r.Generator)
		cpu[kind] = append(cpu[kind], r.PerStreamS*1000)
		rss[kind] = append(rss[kind], r.RSSPerStream)
		return nil
	})
	if err != nil {
		return err
	}
	b.ratio("ingest and HLS, 50 streams", "CPU ms/stream-s", cpu["mayfly"], "nginx-rtmp", cpu["nginx"], 1.75, false)
	b.limit("", "memory MB/stream", rss["mayfly"], 1.8)
	if b.mediamtx != "" {
		b.beside("", "CPU ms/stream-s", cpu["mayfly"], "MediaMTX", cpu["MediaMTX"])
		b.beside("", "memory MB/stream", rss["mayfly"], "MediaMTX", rss["MediaMTX"])
	}
	return nil
}

// publishing runs one publisher of the larger stream until the returned function is called.
func (b *bench) publishing(ctx context.Context, s *server) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, b.generator, "publish", "-url", s.publish, "-n", "1", "-file", b.large, "-warmup", "1s", "-for", "20m")
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start a publisher: %w", err)
	}
	return func() { cancel(); cmd.Wait() }, nil
}

// viewers starts a server with one stream, lets n viewers watch it, and measures.
func (b *bench) viewers(ctx context.Context, kind string, n int, more ...string) (r watchResult, err error) {
	s, err := b.up(ctx, kind, 1)
	if err != nil {
		return r, err
	}
	defer s.stop()
	stop, err := b.publishing(ctx, s)
	if err != nil {
		return r, err
	}
	defer stop()
	args := append([]string{"watch", "-url", at(s.play, 0), "-n", strconv.Itoa(n), "-pid", s.pid(), "-for", b.window.String()}, more...)
	if err := b.load(ctx, &r, args...); err != nil {
		return r, err
	}
	if r.Followed != n {
		b.note("%d viewers, %s: only %d got media", n, kind, r.Followed)
	}
	b.saturated(fmt.Sprintf("%d viewers", n), kind, r.Server, r.Generator)
	if c := r.Counters; c.HTTP+c.Net+c.Missed+c.Back+c.Gaps+c.Overlaps+c.Parse+c.Frames+c.Late+r.Stalled > 0 {
		b.note("%d viewers, %s: HTTP errors %d, network errors %d, late %d, missed segments %d, back %d, gaps %d, overlaps %d, parse errors %d, frames missing %d, viewers stalled %d",
			n, kind, c.HTTP, c.Net, c.Late, c.Missed, c.Back, c.Gaps, c.Overlaps, c.Parse, c.Frames, r.Stalled)
	}
	progress("%s: %.3f ms per viewer-second, %.0f requests/s, server %.2f and generator %.2f cores", kind,
		r.PerViewerS*1000, float64(r.requests())/b.window.Seconds(), r.Server.Cores, r.Generator.Cores)
	return r, nil
}

// lowLatency measures n viewers who reload with blocking and fetch every part.
func (b *bench) lowLatency(ctx context.Context, n int) error {
	viewer, request, late, p95 := map[string]figures{}, map[string]figures{}, map[string]figures{}, map[string]figures{}
	err := b.each(b.kinds("mayfly"), func(kind string) error {
		r, err := b.viewers(ctx, kind, n, "-mode", "ll", "-ramp", "6s", "-warmup", "10s")
		if err != nil {
			return err
		}
		viewer[kind] = append(viewer[kind], r.PerViewerS*1000)
		request[kind] = append(request[kind], r.Server.CPUS*1000/float64(max(r.requests(), 1)))
		late[kind] = append(late[kind], float64(r.Counters.Late))
		if r.FrameMS != nil {
			p95[kind] = append(p95[kind], r.FrameMS.P95)
		}
		return nil
	})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("LL-HLS, %d viewers", n)
	peer, theirs, theirRequest := "MediaMTX", viewer["MediaMTX"], request["MediaMTX"]
	if b.mediamtx == "" {
		peer, theirs, theirRequest = "MediaMTX, earlier run", earlierPerViewer, earlierPerRequest
	}
	if n == 200 {
		b.ratio(name, "CPU ms/viewer-s", viewer["mayfly"], peer, theirs, 0.35, false)
		b.ratio("", "CPU ms/request", request["mayfly"], peer, theirRequest, 0.7, false)
		b.beside("", "frame latency p95 ms", p95["mayfly"], "MediaMTX", p95["MediaMTX"])
		return nil
	}
	b.limit(name, "late parts", late["mayfly"], 0)
	b.limit("", "frame latency p95 ms", p95["mayfly"], 300)
	b.beside("", "CPU ms/viewer-s", viewer["mayfly"], "MediaMTX", viewer["MediaMTX"])
	if b.mediamtx != "" {
		b.beside("", "late parts", late["mayfly"], "MediaMTX", late["MediaMTX"])
	}
	return nil
}

// plain measures 1,000 viewers of whole segments.
func (b *bench) plain(ctx context.Context) error {
	viewer, late := map[string]figures{}, figures{}
	err := b.each(b.kinds("mayfly", "nginx"), func(kind string) error {
		r, err := b.viewers(ctx, kind, 1000, "-mode", "hls", "-ramp", "8s", "-warmup", "20s")
		if err != nil {
			return err
		}
		viewer[kind] = append(viewer[kind], r.PerViewerS*1000)
		if kind == "mayfly" {
			late = append(late, float64(r.Counters.Late))
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.ratio("HLS, 1,000 viewers", "CPU ms/viewer-s", viewer["mayfly"], "nginx-rtmp", viewer["nginx"], 3, false)
	b.limit("", "late segments", late, 0)
	if b.mediamtx != "" {
		b.beside("", "CPU ms/viewer-s", viewer["mayfly"], "MediaMTX", viewer["MediaMTX"])
	}
	return nil
}

// get reads what an address answers.
func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: status %d: %.200s", address, res.StatusCode, body)
	}
	return body, err
}

// newestSegment returns the address of the newest whole segment of our channel 0.
func newestSegment(ctx context.Context, s *server) (string, error) {
	for end := time.Now().Add(20 * time.Second); ; {
		text, err := get(ctx, "http://"+s.http+"/bench0/main.m3u8")
		if err == nil {
			newest := ""
			for line := range strings.Lines(string(text)) {
				if line = strings.TrimSpace(line); strings.HasSuffix(line, ".m4s") && !strings.HasPrefix(line, "#") {
					newest = line
				}
			}
			// The second segment is the first of full length.
			if newest != "" && strings.Count(string(text), "#EXTINF") >= 4 {
				return "http://" + s.http + newest, nil
			}
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return "", fmt.Errorf("wait for segments of our channel: %v", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
