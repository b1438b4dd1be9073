package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bench is one run of the whole program.
type bench struct {
	options
	generator string // the load generator
	small     string // FLV of 640 kbit/s
	large     string // FLV of 2.6 Mbit/s
	rows      []row
	notes     []string
	servers   int // how many were started, to name their directories
}

// prepare finds the load generator and the other servers, and makes the test media.
func (b *bench) prepare(ctx context.Context) error {
	if err := b.findGenerator(ctx); err != nil {
		return err
	}
	for _, need := range []struct{ program, pkg string }{{"nginx", "nginx-core libnginx-mod-rtmp"}, {"wrk", "wrk"}, {"ffmpeg", "ffmpeg"}} {
		if _, err := exec.LookPath(need.program); err != nil {
			return fmt.Errorf("%s is missing; on Debian: apt-get install %s", need.program, need.pkg)
		}
	}
	if _, err := os.Stat(rtmpModule); err != nil {
		return fmt.Errorf("nginx's RTMP module is missing; on Debian: apt-get install libnginx-mod-rtmp: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = b.dir
	}
	cache = filepath.Join(cache, "mayfly-bench")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make a directory for the test media: %w", err)
	}
	if b.small, err = makeMedia(ctx, cache, "640x360", "500k"); err != nil {
		return err
	}
	b.large, err = makeMedia(ctx, cache, "1280x720", "2500k")
	return err
}

// findGenerator takes the load generator from BENCH, or builds the one beside the checkout.
func (b *bench) findGenerator(ctx context.Context) error {
	if b.generator = os.Getenv("BENCH"); b.generator != "" {
		if _, err := os.Stat(b.generator); err != nil {
			return fmt.Errorf("find the load generator named by BENCH: %w", err)
		}
		return nil
	}
	source, err := filepath.Abs(filepath.Join("..", "shared", "bench"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(source, "go.mod")); err != nil {
		return errors.New("there is no load generator: set BENCH to the path of one that is built, or put its source into ../shared/bench beside this checkout")
	}
	b.generator = filepath.Join(b.dir, "generator")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.generator, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the load generator in %s: %w\n%s", source, err, out)
	}
	return nil
}

// makeMedia makes a minute of H.264 (30 frames a second, a keyframe every 2 s, no B-frames,
// constant rate) with AAC of 128 kbit/s, unless it is there.
func makeMedia(ctx context.Context, dir, size, rate string) (string, error) {
	path := filepath.Join(dir, size+"-"+rate+".flv")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	progress("making a minute of %s at %sbit/s", size, rate)
	part := path + ".part"
	args := strings.Fields("-hide_banner -loglevel error -y -f lavfi -i testsrc2=size=" + size + ":rate=30:duration=60" +
		" -f lavfi -i sine=frequency=440:sample_rate=48000:duration=60" +
		" -c:v libx264 -preset veryfast -profile:v main -bf 0 -g 60 -keyint_min 60 -sc_threshold 0" +
		" -b:v " + rate + " -maxrate " + rate + " -bufsize " + rate + " -nal-hrd cbr -pix_fmt yuv420p" +
		" -c:a aac -b:a 128k -ac 2 -ar 48000 -f flv " + part)
	if out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make test media with ffmpeg: %w\n%s", err, out)
	}
	return path, os.Rename(part, path)
}

// load runs the load generator and decodes what it prints.
func (b *bench) load(ctx context.Context, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, b.generator, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run the load generator %s: %w\n%s", args[0], err, errs.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("read what the load generator printed: %w", err)
	}
	return nil
}

// percentiles and the others are the parts of the generator's output that we use.
type percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	Max float64 `json:"max"`
}

type usage struct {
	CPUS  float64 `json:"cpu_s"`
	Cores float64 `json:"cpu_cores"`
	RSSMB float64 `json:"rss_mb_end"`
}

type publishResult struct {
	Live         int          `json:"live_at_window_end"`
	LastErr      string       `json:"last_error"`
	Late         *percentiles `json:"send_late_ms_worst_per_second"`
	PerStreamS   float64      `json:"server_cpu_s_per_stream_s"`
	RSSPerStream float64      `json:"server_rss_mb_per_stream_over_start"`
	Server       usage        `json:"server"`
	Generator    usage        `json:"load_generator"`
}

type watchResult struct {
	Followed int `json:"viewers_that_got_media"`
	Stalled  int `json:"viewers_that_stalled"`
	Counters struct {
		Playlists int `json:"playlist_requests"`
		Segments  int `json:"segments"`
		Parts     int `json:"parts"`
		HTTP      int `json:"http_errors"`
		Net       int `json:"network_errors"`
		Late      int `json:"late_media"`
		Missed    int `json:"segments_missed"`
		Back      int `json:"sequence_went_back"`
		Gaps      int `json:"timeline_gaps"`
		Overlaps  int `json:"timeline_overlaps"`
		Parse     int `json:"parse_errors"`
		Frames    int `json:"frames_missing"`
	} `json:"counters"`
	FrameMS    *percentiles `json:"latency_all_frames_ms"`
	Server     usage        `json:"server"`
	PerViewerS float64      `json:"server_cpu_s_per_viewer_s"`
	Generator  usage        `json:"load_generator"`
}

func (w watchResult) requests() int {
	return w.Counters.Playlists + w.Counters.Segments + w.Counters.Parts
}

type startupResult struct {
	Listen    *percentiles `json:"exec_to_tcp_accept_ms"`
	Playlist  *percentiles `json:"first_media_sent_to_first_playlist_with_media_ms"`
	IdleRSS   *percentiles `json:"rss_mb_idle"`
	NotPlayed int          `json:"runs_without_media"`
}
