// Package agent is `mayfly push`: it takes a stream in beside the encoder (RTMP on this machine, a
// file, or standard input), cuts it into segments, keeps every segment on disk until a node has
// acknowledged it, and sends them to any of several nodes, over and over, so that neither the death
// of a node nor its own loses a frame.
//
// A cutter (cutter.go) makes segments of samples; the spool (spool.go) keeps them; the sender
// (sender.go) sends them. What the spool has of an earlier run is sent first.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config says what to push where.
type Config struct {
	Input     string    // rtmp://address:port to listen on, a file, or - for Stdin
	URLs      []string  // http(s)://node:port/push/{stream key}
	Spool     string    // directory
	SpoolSize int64     // bytes; when it is full the input waits
	Stdin     io.Reader // for the input -
	Log       *slog.Logger
	Progress  io.Writer // a terminal for the progress line; nil: none

	Segment    time.Duration // default 1 s
	Unpaced    bool          // read a file as fast as it goes
	AckTimeout time.Duration // for the answer to a segment; default 12 s, of several nodes 5 s
	Listening  func(address string)
}

// grace is how long what is left is still sent after the agent was told to stop.
const grace = 3 * time.Second

// ErrLeft says that not everything was sent. It stays in the spool.
var ErrLeft = errors.New("stopped before everything was sent; what is left stays in the spool: give the same command again to send it")

// Run pushes until the input has ended and all of it is acknowledged, or ctx ends.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Segment == 0 {
		cfg.Segment = time.Second
	}
	targets, err := parseTargets(cfg.URLs)
	if err != nil {
		return err
	}
	if cfg.AckTimeout == 0 {
		cfg.AckTimeout = answerTime
		if len(targets) > 1 {
			cfg.AckTimeout = answerTimeOfMany
		}
	}
	in, err := openInput(&cfg)
	if err != nil {
		return err
	}
	defer in.close()
	spool, err := OpenSpool(cfg.Spool, cfg.SpoolSize)
	if err != nil {
		return err
	}
	defer spool.Close()
	if n, bytes, _ := spool.Waiting(); n > 0 {
		cfg.Log.Info("sending what an earlier run left", "segments", n, "bytes", bytes)
	}
	in.resume(spool)
	s := newSender(targets, spool, &cfg)
	defer s.client.CloseIdleConnections()

	input, stopInput := context.WithCancel(ctx)
	defer stopInput()
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, stopSending) })()
	group := errgroup.Group{}
	group.Go(func() error {
		defer spool.NoMore()
		err := in.read(input, spool)
		if input.Err() != nil {
			return nil
		}
		return err
	})
	group.Go(func() error {
		defer stopInput()
		return s.run(sending)
	})
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		s.show(sending, cfg.Progress)
	}()
	err = group.Wait()
	stopSending()
	<-shown
	if err == nil && !spool.Empty() {
		err = ErrLeft
	}
	return err
}

// target is a node to send to.
type target struct {
	base string // URL without a slash at its end
	name string // for people: without the stream key
}

func parseTargets(urls []string) ([]target, error) {
	if len(urls) == 0 {
		return nil, errors.New("no URL to push to: give http://node:8080/push/STREAM-KEY")
	}
	var out []target
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil { // its text would show the stream key
			return nil, errors.New("malformed URL to push to: want http://node:8080/push/STREAM-KEY")
		}
		key, ok := strings.CutPrefix(strings.TrimRight(u.Path, "/"), "/push/")
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !ok || key == "" || strings.Contains(key, "/") {
			return nil, fmt.Errorf("URL to push to on %q: want http://node:8080/push/STREAM-KEY", u.Host)
		}
		out = append(out, target{base: u.Scheme + "://" + u.Host + u.EscapedPath(), name: u.Host})
		out[len(out)-1].base = strings.TrimRight(out[len(out)-1].base, "/")
	}
	return out, nil
}
