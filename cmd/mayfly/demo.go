package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/mayfly-tv/mayfly/internal/demo"
	"github.com/mayfly-tv/mayfly/web"
)

// demoFlags are the settings of the demonstration. Bucket is not taken from the environment: who has set it
// there for a node does not want test pictures in it.
type demoFlags struct {
	Bucket  string `help:"A bucket of its own to show it on, such as s3://name/prefix?endpoint=URL&region=REGION; if absent, one on a local S3 server if this machine has versitygw, else a temporary directory." placeholder:"WHERE" env:"-"`
	Dir     string `help:"Directory for spools and logs, which is kept; a temporary one if absent." placeholder:"DIR"`
	Page    string `help:"Loopback address of the page; port 0 takes a free one." default:"127.0.0.1:0"`
	Nodes   int    `help:"How many nodes." default:"3"`
	Publish string `help:"How the channel live is published: push (without loss) or rtmp." default:"push" enum:"push,rtmp"`
	Open    bool   `help:"Open the page in a browser." default:"true" negatable:""`
}

// pushCommand is the agent for lossless publishing, which reads what the encoder writes to its standard input.
func pushCommand(program, streamKey, front, spool string) []string {
	return []string{program, "push", "--spool", spool, "-", front + "/push/" + streamKey}
}

// runDemo shows the demonstration until ctx ends, or the terminal closes.
func runDemo(ctx context.Context, f *demoFlags, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	cfg := demo.Config{Program: program, Nodes: f.Nodes, Bucket: f.Bucket, Dir: f.Dir, Page: f.Page, Pages: web.Files(), Out: out}
	if f.Publish == "push" {
		cfg.Push = func(streamKey, front, spool string) []string { return pushCommand(program, streamKey, front, spool) }
	}
	if strings.HasPrefix(f.Bucket, "s3://") && os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		fmt.Fprintln(out, "AWS_ACCESS_KEY_ID is not set: the nodes look for credentials elsewhere.")
	}
	if f.Open {
		cfg.Open = openBrowser
	}
	return demo.Run(ctx, cfg)
}

// openBrowser opens an address where there is a desktop; the address was printed as well.
func openBrowser(url string) {
	name := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		name = "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return
	}
	cmd := exec.Command(name, url)
	if cmd.Start() == nil {
		go cmd.Wait() // it ends by itself; the browser goes on
	}
}
