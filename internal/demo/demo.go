// Package demo is the demonstration: a fleet of nodes on this machine, each a process of its own, two
// channels on air, a front as a load balancer would be, and a page that shows all of it and can harm it.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/demo/front"
)

// Config says what is demonstrated.
type Config struct {
	Program string // the file of this program
	Nodes   int    // 1 to 5
	Bucket  string // a directory of the demonstration's own if empty
	Dir     string // where spools and logs lie; a temporary one that is removed at the end if empty
	Page    string // address of the page
	// Push is the command line of the agent for lossless publishing, which reads FLV on its standard input. nil: all
	// is published by RTMP.
	Push  func(streamKey, front, spool string) []string
	Pages fs.FS            // the built pages
	Open  func(url string) // opens a browser; may be nil
	Out   io.Writer
}

// grace is how long a node gets to leave at the end.
const grace = 3 * time.Second

// demo is a running demonstration.
type demo struct {
	cfg        Config
	dir        string
	token      string
	epoch      time.Time
	board      *board
	fleet      *fleet
	store      *store // nil: the bucket is somebody else's, or a directory
	poller     *poller
	publishers []*publisher
	page       *page

	pageLn, webLn, rtmpLn net.Listener
	viewers, encoders     *front.Front
	onAir                 chan struct{} // closed when the first picture can be had
}

// Run shows the demonstration until ctx ends. No process that it started outlives it.
func Run(ctx context.Context, cfg Config) (err error) {
	if cfg.Nodes < 1 || cfg.Nodes > 5 {
		return fmt.Errorf("%d nodes: want 1 to 5", cfg.Nodes)
	}
	if err := checkPage(cfg.Page); err != nil {
		return err
	}
	words, err := checkEncoder(ctx)
	if err != nil {
		return err
	}
	d := &demo{cfg: cfg, dir: cfg.Dir, epoch: time.Now(), board: newBoard(), onAir: make(chan struct{})}
	if err := d.makeDir(); err != nil {
		return err
	}
	defer func() { d.store.stop() }()
	if cfg.Dir == "" {
		defer func() {
			if err == nil { // after trouble the logs are wanted
				os.RemoveAll(d.dir)
			}
		}()
	}
	if err := d.listen(); err != nil {
		return err
	}
	defer d.close()
	if err := d.assemble(words); err != nil {
		return err
	}
	return d.run(ctx)
}

// checkPage says whether the page may be at an address: it kills processes for whoever reaches it.
func checkPage(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--page %.60q: want an address such as 127.0.0.1:0: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--page %.60q: want an address of this machine alone, such as 127.0.0.1:0, because the page kills processes", address)
	}
	return nil
}

// checkEncoder says whether ffmpeg can make the picture, and whether it can draw words.
func checkEncoder(ctx context.Context) (words bool, err error) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return false, errors.New("ffmpeg is missing, which makes the picture. Install it: `sudo apt install ffmpeg` (Debian, Ubuntu), " +
			"`sudo dnf install ffmpeg` (Fedora with RPM Fusion), `brew install ffmpeg` (macOS)")
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-encoders").Output()
	if err != nil {
		return false, fmt.Errorf("ask ffmpeg what it can do: %w", err)
	}
	if !strings.Contains(string(out), "libx264") {
		return false, errors.New("this ffmpeg has no libx264: install one that has it, as those of Debian, Ubuntu and Homebrew do")
	}
	out, err = exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-filters").Output()
	if err != nil {
		return false, fmt.Errorf("ask ffmpeg what it can do: %w", err)
	}
	return strings.Contains(string(out), " drawtext "), nil
}

func (d *demo) makeDir() (err error) {
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "mayfly-demo-"); err != nil {
			return fmt.Errorf("make a directory for the demonstration: %w", err)
		}
	} else if err = os.MkdirAll(d.dir, 0o750); err != nil {
		return fmt.Errorf("make the directory of --dir: %w", err)
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return fmt.Errorf("find the directory: %w", err)
	}
	if d.cfg.Bucket == "" {
		d.chooseBucket()
	}
	var random [24]byte
	rand.Read(random[:])
	d.token = hex.EncodeToString(random[:])
	return nil
}

// chooseBucket starts an S3 server if this machine has one; otherwise a directory is the bucket.
func (d *demo) chooseBucket() {
	if path := findStore(d.cfg.Program); path != "" {
		s, err := startStore(path, d.dir)
		if err == nil {
			d.store, d.cfg.Bucket = s, s.bucket
			return
		}
		fmt.Fprintf(d.cfg.Out, "The S3 server %s cannot be used, and the bucket is a directory: %v\n", path, err)
	}
	d.cfg.Bucket = filepath.Join(d.dir, "bucket")
}

// listen opens the page's port and those of the fronts, all on the loopback interface.
func (d *demo) listen() error {
	var err error
	for _, p := range []struct {
		ln      *net.Listener
		address string
	}{{&d.pageLn, d.cfg.Page}, {&d.webLn, "127.0.0.1:0"}, {&d.rtmpLn, "127.0.0.1:0"}} {
		if *p.ln, err = net.Listen("tcp", p.address); err != nil {
			d.close()
			return fmt.Errorf("open a port of the demonstration: %w", err)
		}
	}
	return nil
}

func (d *demo) close() {
	for _, ln := range []net.Listener{d.pageLn, d.webLn, d.rtmpLn} {
		if ln != nil {
			ln.Close()
		}
	}
}

// pictures are the channels: one published without loss, one as most encoders do it.
func (d *demo) pictures(words bool) []*publisher {
	font := findFont()
	env := cleanEnv(os.Environ())
	live := &publisher{slug: "live", how: "rtmp", env: env, picture: picture{
		title: "Mayfly demonstration", width: 1280, height: 720, fps: 30, kbit: 2500, base: "0x2a6f7f", deep: "0x0b1f2e", tone: 220, font: font, words: words}}
	plain := &publisher{slug: "plain", how: "rtmp", env: env, picture: picture{
		title: "Published by plain RTMP", width: 640, height: 360, fps: 25, kbit: 800, base: "0x7a4a22", deep: "0x1d1420", tone: 262, font: font, words: words}}
	if d.cfg.Push != nil {
		live.how = "push"
	}
	return []*publisher{live, plain}
}

// assemble puts the parts together.
func (d *demo) assemble(words bool) (err error) {
	frontURL := "http://" + d.webLn.Addr().String()
	d.viewers, d.encoders = front.New(front.Config{}), front.New(front.Config{MaxConns: 100})
	d.fleet = newFleet(d.cfg, d.dir, d.token, frontURL, d.board)
	d.publishers = d.pictures(words)
	where := d.cfg.Bucket
	if d.store != nil {
		where = "an S3 server of this demonstration"
		d.fleet.env = append(d.fleet.env, d.store.env...)
	} else if strings.HasPrefix(where, d.dir) {
		where = "a directory of this demonstration"
	}
	onAir := sync.OnceFunc(func() { close(d.onAir) })
	d.poller = &poller{
		fleet: d.fleet, viewers: d.viewers, encoders: d.encoders, publishers: d.publishers, board: d.board, epoch: d.epoch,
		frontURL: frontURL, bucket: where, woken: make(chan struct{}, 1),
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 10 * time.Second}},
		readyAt: map[string]bool{}, air: map[string]Channel{}, takes: map[string]string{}, seen: map[string]string{}, missed: map[string]int{},
		heard: func(s State) {
			for _, c := range s.Channels {
				if c.Slug == "live" && c.State == "live" {
					onAir()
				}
			}
		},
	}
	d.fleet.wake = d.poller.wake
	for _, p := range d.publishers {
		p.dir, p.board, p.wake, p.epoch = d.dir, d.board, d.poller.wake, d.epoch
	}
	d.page, err = newPage(d.fleet, d.board, d.cfg.Pages, frontURL, d.pageLn.Addr().String())
	return err
}

func (d *demo) run(ctx context.Context) error {
	for _, n := range d.fleet.nodes {
		if err := d.fleet.start(n.name); err != nil {
			d.fleet.stopAll(grace)
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.viewers.Serve(ctx, d.webLn) })
	group.Go(func() error { return d.encoders.Serve(ctx, d.rtmpLn) })
	group.Go(func() error { return d.page.serve(ctx, d.pageLn) })
	group.Go(func() error { return d.poller.run(ctx) })
	group.Go(func() error { return d.broadcast(ctx) })
	group.Go(func() error { return d.greet(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		d.fleet.stopAll(grace)
		return nil
	})
	err := group.Wait()
	if err != nil {
		return fmt.Errorf("%w\nThe logs of the nodes are in %s", err, d.dir)
	}
	fmt.Fprintln(d.cfg.Out, "The demonstration has ended.")
	return nil
}

// broadcast makes the channels as soon as a node is there, and publishes them.
func (d *demo) broadcast(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range d.publishers {
		key, err := d.channel(ctx, p.slug, p.picture.title)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		p.secret = key
		p.target = "rtmp://" + d.rtmpLn.Addr().String() + "/live/" + key
		if p.how == "push" {
			p.push = d.cfg.Push(key, "http://"+d.webLn.Addr().String(), filepath.Join(d.dir, "push-"+p.slug))
		}
		group.Go(func() error { return p.run(ctx) })
	}
	return group.Wait()
}

// greet says where to look once there is something to see.
func (d *demo) greet(ctx context.Context) error {
	url := "http://" + d.pageLn.Addr().String() + "/"
	fmt.Fprintf(d.cfg.Out, "Starting %d nodes ...\n", d.cfg.Nodes)
	select {
	case <-d.onAir:
	case <-time.After(15 * time.Second):
		fmt.Fprintf(d.cfg.Out, "The channel is not on air yet; the logs in %s may say why.\n", d.dir)
	case <-ctx.Done():
		return nil
	}
	fmt.Fprintf(d.cfg.Out, `
  Mayfly is on air, on %d nodes. Kill them.

    The page          %s
    The channels      http://%s/
    Logs and spools   %s
    Bucket            %s
    Stop              Ctrl-C

`, d.cfg.Nodes, url, d.webLn.Addr(), d.dir, d.cfg.Bucket)
	if d.cfg.Open != nil {
		d.cfg.Open(url)
	}
	return nil
}

// cleanEnv leaves out the settings of Mayfly, which are of somebody else's node.
func cleanEnv(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "MAYFLY_") {
			out = append(out, e)
		}
	}
	return out
}
