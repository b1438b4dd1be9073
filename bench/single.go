package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// hot measures one segment that is fetched as often as it goes: from our memory while its
// channel is live, and the same bytes as nginx's static file.
func (b *bench) hot(ctx context.Context) error {
	ours, err := b.up(ctx, "mayfly", 1)
	if err != nil {
		return err
	}
	defer ours.stop()
	stop, err := b.publishing(ctx, ours)
	if err != nil {
		return err
	}
	defer stop()
	nginx, err := b.up(ctx, "nginx", 0)
	if err != nil {
		return err
	}
	defer nginx.stop()
	gbit, rate := map[string]figures{}, map[string]figures{}
	err = b.each([]string{"mayfly", "nginx"}, func(kind string) error {
		address, err := newestSegment(ctx, ours)
		if err != nil {
			return err
		}
		body, err := get(ctx, address)
		if err != nil {
			return err
		}
		s := ours
		if kind == "nginx" {
			if err := os.WriteFile(filepath.Join(nginx.dir, "hot.m4s"), body, 0o644); err != nil {
				return fmt.Errorf("write the segment for nginx: %w", err)
			}
			s, address = nginx, "http://"+nginx.http+"/hot.m4s"
		}
		before := cpuOf(s.cmd.Process.Pid)
		n, err := wrk(ctx, address)
		if err != nil {
			return err
		}
		used := cpuOf(s.cmd.Process.Pid) - before
		g := float64(n) * float64(len(body)) * 8 / 1e9 / used
		progress("%s: %d requests of %d bytes, %.2f s of CPU, %.1f Gbit per CPU-second", kind, n, len(body), used, g)
		gbit[kind] = append(gbit[kind], g)
		rate[kind] = append(rate[kind], float64(n)/used)
		return nil
	})
	if err != nil {
		return err
	}
	b.ratio("one hot segment, wrk -t1 -c32", "Gbit/CPU-s", gbit["mayfly"], "nginx, static file", gbit["nginx"], 0.7, true)
	b.beside("", "requests/CPU-s", rate["mayfly"], "nginx, static file", rate["nginx"])
	return nil
}

var wrkCount = regexp.MustCompile(`(\d+) requests in`)

// wrk fetches an address for 4 s over 32 connections and returns how many answers came.
func wrk(ctx context.Context, address string) (int, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c32", "-d4s", address).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run wrk: %w\n%s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		return 0, fmt.Errorf("wrk met errors:\n%s", out)
	}
	m := wrkCount.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk printed something else than expected:\n%s", out)
	}
	return strconv.Atoi(string(m[1]))
}

// cpuOf returns user and system time, in seconds, of a process and its descendants.
func cpuOf(pid int) float64 {
	const ticks = 100 // per second, fixed on Linux
	parents, times := map[int]int{}, map[int]float64{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		p, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(f) < 13 {
			continue
		}
		parents[p], _ = strconv.Atoi(f[1])
		user, _ := strconv.ParseFloat(f[11], 64)
		sys, _ := strconv.ParseFloat(f[12], 64)
		times[p] = (user + sys) / ticks
	}
	sum := 0.0
	for p, t := range times {
		for up := p; up > 1; up = parents[up] {
			if up == pid {
				sum += t
				break
			}
		}
	}
	return sum
}

// startup measures the way from exec to accepting publishers, and from a publisher's first
// packet to the first playlist with a segment. Each start is on a fresh copy of a bucket
// in which the channel exists but was never on air.
func (b *bench) startup(ctx context.Context) error {
	template, err := b.up(ctx, "mayfly", 1)
	if err != nil {
		return err
	}
	seed := filepath.Join(b.dir, "seed")
	template.end()
	err = errors.Join(os.CopyFS(seed, os.DirFS(template.dir)), os.RemoveAll(template.dir))
	if err != nil {
		return fmt.Errorf("keep a bucket to start from: %w", err)
	}
	listen, playlist, idle := map[string]figures{}, map[string]figures{}, map[string]figures{}
	kinds := b.kinds("mayfly", "nginx")
	err = b.each(append(kinds, kinds...), func(kind string) error {
		s, err := b.describe(kind)
		if err != nil {
			return err
		}
		defer os.RemoveAll(s.dir)
		if kind == "mayfly" {
			if err := os.CopyFS(s.dir, os.DirFS(seed)); err != nil {
				return fmt.Errorf("copy the bucket: %w", err)
			}
		}
		args := []string{"startup", "-runs", "1", "-rtmp", at(s.publish, 0), "-hls", at(s.play, 0), "-file", b.large, "--", "env"}
		var r startupResult
		if err := b.load(ctx, &r, append(append(args, s.env...), s.command...)...); err != nil {
			return err
		}
		if r.Listen == nil || r.Playlist == nil || r.NotPlayed > 0 {
			return errors.New("no media came within 30 s of the start")
		}
		progress("%s: accepts after %.0f ms, playlist after %.0f ms", kind, r.Listen.P50, r.Playlist.P50)
		listen[kind] = append(listen[kind], r.Listen.P50)
		playlist[kind] = append(playlist[kind], r.Playlist.P50)
		idle[kind] = append(idle[kind], r.IdleRSS.P50)
		return nil
	})
	if err != nil {
		return err
	}
	b.limit("start, keyframes every 2 s", "exec to accepting ms", listen["mayfly"], 100)
	b.limit("", "first packet to playlist ms", playlist["mayfly"], 2300)
	for _, kind := range kinds[1:] {
		b.beside("", "exec to accepting ms", listen["mayfly"], kind, listen[kind])
		b.beside("", "first packet to playlist ms", playlist["mayfly"], kind, playlist[kind])
		b.beside("", "idle memory MB", idle["mayfly"], kind, idle[kind])
	}
	return nil
}

// bucket counts requests to the bucket with 60 channels on air, from /metrics.
func (b *bench) bucket(ctx context.Context) error {
	const n = 60
	s, err := b.up(ctx, "mayfly", n)
	if err != nil {
		return err
	}
	defer s.stop()
	window := max(3*b.window, 30*time.Second)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var r publishResult
		done <- b.load(ctx, &r, "publish", "-url", s.publish, "-n", strconv.Itoa(n), "-file", b.small, "-warmup", "10s", "-for", (window + 5*time.Second).String())
	}()
	if err := pause(ctx, done, 10*time.Second); err != nil {
		return err
	}
	before, err := bucketRequests(ctx, s)
	if err != nil {
		return err
	}
	if err := pause(ctx, done, window); err != nil {
		return err
	}
	after, err := bucketRequests(ctx, s)
	if err != nil {
		return err
	}
	cancel()
	<-done
	hours := n * window.Hours()
	count := func(prefix string) figures {
		sum := 0.0
		for kind, v := range after {
			if strings.HasPrefix(kind, prefix) {
				sum += v - before[kind]
			}
		}
		return figures{sum / hours}
	}
	b.limit("bucket, 60 channels", "PUT/channel-hour", count("put"), 250)
	b.limit("", "GET/channel-hour", count("get"), 1000)
	b.beside("", "LIST/channel-hour", count("list"), "", nil)
	b.beside("", "DELETE/channel-hour", count("delete"), "", nil)
	return nil
}

// pause waits, or returns early with an error when the publishers have ended.
func pause(ctx context.Context, done <-chan error, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case err := <-done:
		return fmt.Errorf("the publishers ended early: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

var bucketMetric = regexp.MustCompile(`(?m)^mayfly_bucket_requests_total\{[^}]*kind="([a-z_]+)"[^}]*\} ([0-9.e+]+)$`)

// bucketRequests reads from /metrics how many requests were made, by kind.
func bucketRequests(ctx context.Context, s *server) (map[string]float64, error) {
	text, err := get(ctx, "http://"+s.http+"/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, m := range bucketMetric.FindAllSubmatch(text, -1) {
		v, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return nil, fmt.Errorf("read /metrics: %w", err)
		}
		out[string(m[1])] += v
	}
	if len(out) == 0 {
		return nil, errors.New("/metrics does not count requests to the bucket")
	}
	return out, nil
}
