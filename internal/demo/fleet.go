package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// fleet is the nodes on this machine, each a process of its own with a spool of its own.
type fleet struct {
	cfg   Config
	dir   string
	token string
	front string // viewers' address, as a URL
	board *board
	env   []string // of every node
	http  *http.Client
	wake  func() // tells the poller to look at once

	attending sync.WaitGroup

	mu    sync.Mutex
	nodes []*node
	away  time.Time // since when the bucket is away; zero if it is not
	ended bool
}

// node is one of them. Its fields are guarded by the fleet's lock.
type node struct {
	name   string
	spool  string
	log    string
	child  *child // nil or ended: dead
	wanted bool   // a user wants it to run
	http   string // addresses; kept over a death, so that the front finds it again
	rtmp   string
	faults string
	open   bool // said what it listens at
	cut    bool
	starts int
	since  time.Time
}

func newFleet(cfg Config, dir, token, front string, b *board) *fleet {
	f := &fleet{cfg: cfg, dir: dir, token: token, front: front, board: b, env: append(cleanEnv(os.Environ()), "MAYFLY_ADMIN_TOKEN="+token),
		http: &http.Client{Timeout: 3 * time.Second}, wake: func() {}}
	for i := range cfg.Nodes {
		name := string(rune('a' + i))
		f.nodes = append(f.nodes, &node{name: name, spool: filepath.Join(dir, "spool-"+name), log: filepath.Join(dir, name+".log")})
	}
	return f
}

// errNoNode is answered to whoever names a node that is not there.
var errNoNode = errors.New("no such node")

func (f *fleet) find(name string) (*node, error) {
	i := slices.IndexFunc(f.nodes, func(n *node) bool { return n.name == name })
	if i < 0 {
		return nil, fmt.Errorf("%.20q: %w", name, errNoNode)
	}
	return f.nodes[i], nil
}

func (n *node) running() bool { return n.child != nil && !n.child.ended() }

// args are the arguments of a node.
func (f *fleet) args(n *node) []string {
	any := func(address string) string {
		if address == "" {
			return "127.0.0.1:0"
		}
		return address
	}
	args := []string{f.cfg.Program, "serve", "--log-format", "json", "--node", n.name, "--bucket", f.cfg.Bucket, "--spool", n.spool,
		"--http", any(n.http), "--rtmp", any(n.rtmp), "--mesh", "127.0.0.1:0", "--mesh-http", "127.0.0.1:0", "--srt", "", "--webrtc", "",
		"--public", f.front, "--faults", "127.0.0.1:0"}
	if !f.away.IsZero() {
		args = append(args, "--faults-away")
	}
	return args
}

// start starts a node, unless it runs.
func (f *fleet) start(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(name)
	if err != nil || n.running() || f.ended {
		return err
	}
	n.wanted = true
	if err := f.launch(n); err != nil {
		return err
	}
	f.board.say(Event{Kind: "start", Node: n.name, Text: "Node " + n.name + " is started."})
	return nil
}

// launch starts the process of a node; the lock is held.
func (f *fleet) launch(n *node) error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("open the log of node %s: %w", n.name, err)
	}
	n.open, n.faults, n.cut = false, "", false
	c, err := startChild(spec{argv: f.args(n), env: f.env, log: log, line: func(line []byte) { f.heard(n, line) }})
	if err != nil {
		log.Close()
		return err
	}
	n.child, n.since = c, time.Now()
	n.starts++
	f.wake()
	f.attending.Go(func() { f.attend(n, c, log) })
	return nil
}

// attend waits for the end of a process, which stop and kill wait for as well.
func (f *fleet) attend(n *node, c *child, log io.Closer) {
	<-c.done
	log.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wake()
	if n.child != c || !n.wanted || f.ended {
		return
	}
	if !n.open && n.http != "" && time.Since(n.since) < 5*time.Second {
		// Another program took one of its ports while it was dead.
		n.http, n.rtmp = "", ""
		if f.launch(n) == nil {
			return
		}
	}
	n.wanted, n.since = false, time.Now()
	f.board.say(Event{Kind: "dead", Node: n.name, Text: fmt.Sprintf("Node %s ended by itself (%v). Its log: %s", n.name, c.err, n.log)})
}

// heard reads a line of a node's log: which ports it took.
func (f *fleet) heard(n *node, line []byte) {
	var said struct{ Msg, For, Address string }
	if json.Unmarshal(line, &said) != nil || said.Msg != "listening" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch said.For {
	case "http":
		n.http = said.Address
	case "rtmp":
		n.rtmp = said.Address
	case "faults":
		n.faults = said.Address
	}
	if n.http != "" && n.rtmp != "" && !n.open {
		n.open = true
		f.wake()
	}
}

// kill ends a node with kill -9.
func (f *fleet) kill(name string) error {
	f.mu.Lock()
	n, err := f.find(name)
	if err != nil || !n.running() {
		f.mu.Unlock()
		return err
	}
	n.wanted = false
	c := n.child
	// Said before it is done: the time to recover counts from here.
	f.board.say(Event{Kind: "kill", Node: n.name, Text: "Node " + n.name + " is killed (kill -9)."})
	f.mu.Unlock()
	c.kill()
	f.mu.Lock()
	n.since = time.Now()
	f.mu.Unlock()
	f.wake()
	return nil
}

// stopAll ends all nodes, and no more are started.
func (f *fleet) stopAll(grace time.Duration) {
	f.mu.Lock()
	f.ended = true
	var running []*child
	for _, n := range f.nodes {
		n.wanted = false
		if n.running() {
			running = append(running, n.child)
		}
	}
	f.mu.Unlock()
	var stopping sync.WaitGroup
	for _, c := range running {
		stopping.Go(func() { c.stop(grace) })
	}
	stopping.Wait()
	f.attending.Wait()
}

// cutMesh cuts a node off the mesh, or joins it again.
func (f *fleet) cutMesh(ctx context.Context, name string, cut bool) error {
	f.mu.Lock()
	n, err := f.find(name)
	if err != nil {
		f.mu.Unlock()
		return err
	}
	address, running := n.faults, n.running()
	f.mu.Unlock()
	if !running {
		return nil
	}
	if err := f.harm(ctx, address, "/mesh?cut="+digit(cut)); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	f.mu.Lock()
	n.cut = cut
	f.mu.Unlock()
	text := "Node " + name + " is cut off the mesh."
	if !cut {
		text = "Node " + name + " is on the mesh again."
	}
	f.board.say(Event{Kind: "mesh", Node: name, On: cut, Text: text})
	f.wake()
	return nil
}

// takeBucket takes the bucket away from all nodes, also from those that are started later, or gives it back.
func (f *fleet) takeBucket(ctx context.Context, away bool) error {
	f.mu.Lock()
	if away == !f.away.IsZero() {
		f.mu.Unlock()
		return nil
	}
	f.away = time.Time{}
	if away {
		f.away = time.Now()
	}
	var addresses []string
	for _, n := range f.nodes {
		if n.running() && n.faults != "" {
			addresses = append(addresses, n.faults)
		}
	}
	f.mu.Unlock()
	text := "The bucket is away: no node can read or write it."
	if !away {
		text = "The bucket is back."
	}
	f.board.say(Event{Kind: "bucket", On: away, Text: text})
	f.wake()
	var failed error
	for _, a := range addresses {
		failed = errors.Join(failed, f.harm(ctx, a, "/bucket?away="+digit(away)))
	}
	return failed
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// errUnbuilt: this version's nodes have nothing of that kind to harm.
var errUnbuilt = errors.New("this version has no such part")

// harm sends a fault to the control of a node.
func (f *fleet) harm(ctx context.Context, address, what string) error {
	if address == "" {
		return errors.New("it does not listen for faults yet: wait a moment")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+what, nil)
	if err != nil {
		return err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return fmt.Errorf("send a fault: %w", err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusNotImplemented:
		return errUnbuilt
	}
	return fmt.Errorf("send a fault: %d %s", resp.StatusCode, body)
}
