package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// checkFlags are what mayfly check looks at.
type checkFlags struct {
	bucketFlags
	HTTP string `name:"http" help:"Address for viewers." default:":8080"`
	RTMP string `name:"rtmp" help:"Address for encoders." default:":1935"`
}

// checker prints one line for each thing it looked at.
type checker struct {
	out    io.Writer
	failed int
}

// say prints a finding. A mend says what to do about it.
func (c *checker) say(what string, err error, mend string) {
	if err == nil {
		fmt.Fprintf(c.out, "ok    %s\n", what)
		return
	}
	c.failed++
	fmt.Fprintf(c.out, "FAIL  %s: %v\n", what, err)
	if mend != "" {
		fmt.Fprintf(c.out, "      %s\n", mend)
	}
}

// check looks at everything that a node needs, and says what is wrong and how to mend it.
func check(ctx context.Context, f *checkFlags, out io.Writer) error {
	c := &checker{out: out}
	c.bucket(ctx, f.Bucket)
	c.spool(&f.bucketFlags)
	for name, address := range map[string]string{"http": f.HTTP, "rtmp": f.RTMP} {
		ln, err := net.Listen("tcp", address)
		c.say(fmt.Sprintf("port for --%s (%s) is free", name, address), err, "Stop the program that uses it, or give another address. (A running mayfly uses it, too.)")
		if err == nil {
			ln.Close()
		}
	}
	c.ffmpeg(ctx)
	if c.failed > 0 {
		return fmt.Errorf("%d things are wrong", c.failed)
	}
	return nil
}

// bucket proves the bucket, and compares its clock with ours.
func (c *checker) bucket(ctx context.Context, where string) {
	b, local, err := openBucket(ctx, where)
	if err != nil {
		c.say("the bucket "+where+" can be opened", err, "")
		return
	}
	bounded, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	mend := "Check the address and the network."
	if local {
		mend = "Check the directory's rights and the disk."
	}
	start := time.Now()
	err = bucket.Probe(bounded, b)
	c.say(fmt.Sprintf("the bucket %s honours conditional writes (%v)", where, time.Since(start).Round(time.Millisecond)), err, mend)
	if err != nil || local {
		return
	}
	skew, err := clockSkew(bounded, b)
	if err == nil && skew.Abs() > maxSkew {
		err = fmt.Errorf("it is %v off the bucket's", skew.Round(time.Second))
	}
	c.say("this machine's clock", err, "Let it be set over the network (systemd-timesyncd, chrony).")
}

// maxSkew is how far a clock may be off before people notice.
const maxSkew = 2 * time.Second

// clockSkew returns how far this machine's clock is ahead of the bucket's, to a second.
func clockSkew(ctx context.Context, b bucket.Bucket) (time.Duration, error) {
	const key = "probe/clock"
	before := time.Now()
	if _, err := b.Put(ctx, key, bucket.Bytes([]byte(before.Format(time.RFC3339Nano)))); err != nil {
		return 0, err
	}
	o, err := b.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := b.Delete(ctx, key); err != nil {
		return 0, err
	}
	switch { // the store's times are whole seconds
	case o.Modified.Add(time.Second).Before(before):
		return before.Sub(o.Modified), nil
	case o.Modified.After(time.Now()):
		return -time.Until(o.Modified), nil
	}
	return 0, nil
}

func (c *checker) spool(f *bucketFlags) {
	dir, err := f.spoolDir()
	if err == nil {
		if err = os.MkdirAll(dir, 0o750); err == nil {
			path := filepath.Join(dir, "check")
			if err = os.WriteFile(path, []byte("x"), 0o640); err == nil {
				err = os.Remove(path)
			}
		}
	}
	c.say("the spool "+dir+" can be written", err, "Give a directory that can be written with --spool.")
}

// ffmpeg looks for the program that demonstrations and, later, ladders are made with.
func (c *checker) ffmpeg(ctx context.Context) {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-version").Output()
	if errors.Is(err, exec.ErrNotFound) {
		err = errors.New("it is not installed")
	}
	first, _, _ := strings.Cut(string(out), "\n")
	first, _, _ = strings.Cut(first, " Copyright")
	c.say(strings.TrimSpace("ffmpeg "+strings.TrimPrefix(first, "ffmpeg ")), err, "Install ffmpeg. Channels work without it, but there are no thumbnails, no browser cameras that send Opus, no conversions for the library, no graphics in the picture for other players, and no demonstration.")
}
