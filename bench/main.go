// Command bench compares Mayfly with other servers on the machine it runs on: nginx with its
// RTMP module, and MediaMTX where one is given. All servers get the same load from the same
// generator, one after the other and in turns, so that what else happens on the machine
// falls on all of them.
//
//	go run ./bench                            everything, about ten minutes
//	go run ./bench -only hot,startup          some of it
//	MEDIAMTX=/path/mediamtx go run ./bench    beside MediaMTX too
//	BENCH=/path/bench go run ./bench          with that load generator
//
// It prints a table of our figure, the other's, their ratio, and the bar that we hold
// ourselves to. CPU is user and system time of the server with all its processes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line and the environment.
type options struct {
	server   string        // our binary
	mediamtx string        // theirs, or ""
	dir      string        // where servers keep their files; "" for a temporary directory in memory
	only     []string      // names of the runs to make; none for all
	rounds   int           // how often each server is measured in each run
	window   time.Duration // how long each measurement lasts, after its warm-up
	strict   bool          // a bar that is missed is an error
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions()
	if err != nil {
		return err
	}
	if o.dir == "" {
		base := ""
		if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
			base = "/dev/shm" // memory, as the others' segments usually are
		}
		if o.dir, err = os.MkdirTemp(base, "mayfly-bench-"); err != nil {
			return fmt.Errorf("make a directory for the servers: %w", err)
		}
		defer os.RemoveAll(o.dir)
	}
	b := &bench{options: o}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, r := range runs {
		if len(o.only) > 0 && !slices.Contains(o.only, r.name) {
			continue
		}
		progress("%s: %s", r.name, r.about)
		if err := r.do(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	short := b.print(os.Stdout)
	if short > 0 && o.strict {
		return fmt.Errorf("%d figures are short of their bar", short)
	}
	return nil
}

// runs are the measurements, in the order of the table.
var runs = []struct {
	name, about string
	do          func(*bench, context.Context) error
}{
	{"ingest", "50 publishers of 640 kbit/s", (*bench).ingest},
	{"bucket", "requests to the bucket at 60 channels", (*bench).bucket},
	{"ll200", "200 viewers of low-latency HLS, 200 ms parts", func(b *bench, ctx context.Context) error { return b.lowLatency(ctx, 200) }},
	{"ll500", "500 viewers of low-latency HLS, 200 ms parts", func(b *bench, ctx context.Context) error { return b.lowLatency(ctx, 500) }},
	{"hls1000", "1,000 viewers of plain HLS", (*bench).plain},
	{"hot", "one segment, as often as it goes", (*bench).hot},
	{"startup", "from exec to the first playlist", (*bench).startup},
}

func parseOptions() (options, error) {
	var o options
	var only string
	var names []string
	for _, r := range runs {
		names = append(names, r.name)
	}
	flag.StringVar(&o.server, "server", "bin/mayfly", "our binary (make build)")
	flag.StringVar(&o.mediamtx, "mediamtx", os.Getenv("MEDIAMTX"), "MediaMTX's binary, to compare with it too (environment MEDIAMTX)")
	flag.StringVar(&o.dir, "dir", "", "where the servers keep their files (default: a temporary directory in memory)")
	flag.StringVar(&only, "only", "", "some runs only: "+strings.Join(names, ","))
	flag.IntVar(&o.rounds, "rounds", 3, "how often to measure each server; the median counts")
	flag.DurationVar(&o.window, "window", 12*time.Second, "how long to measure, after the warm-up")
	flag.BoolVar(&o.strict, "strict", false, "end with an error if a figure is short of its bar")
	flag.Parse()
	if only != "" {
		o.only = strings.Split(only, ",")
		for _, n := range o.only {
			if !slices.Contains(names, n) {
				return o, fmt.Errorf("-only %s: there is no such run; there are %s", n, strings.Join(names, ", "))
			}
		}
	}
	if o.rounds < 1 || o.rounds > 20 || o.window < time.Second {
		return o, errors.New("-rounds wants 1 to 20, -window at least 1s")
	}
	var err error
	if o.server, err = filepath.Abs(o.server); err == nil {
		_, err = os.Stat(o.server)
	}
	if err != nil {
		return o, fmt.Errorf("find our server (build it with `make build`): %w", err)
	}
	return o, nil
}

// progress tells on stderr what goes on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
