package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ingest/push"
	"github.com/mayfly-tv/mayfly/internal/ingest/rtmp"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// input is where the stream comes from.
type input struct {
	cfg      *Config
	listener net.Listener // RTMP
	path     string       // a file; "" is standard input
	name     string       // of the file as it is now, so that the same one is known again
	resumed  *Session
	all      bool // an earlier run has read all of the file
}

// openInput looks at the input, and opens its port.
func openInput(cfg *Config) (*input, error) {
	in := &input{cfg: cfg}
	switch {
	case cfg.Input == "-":
		return in, findFFmpeg()
	case strings.HasPrefix(cfg.Input, "rtmp://"):
		u, err := url.Parse(cfg.Input)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("input %q: want rtmp://127.0.0.1:1936", cfg.Input)
		}
		host := u.Host
		if u.Port() == "" {
			host = net.JoinHostPort(u.Hostname(), "1936")
		}
		if in.listener, err = net.Listen("tcp", host); err != nil {
			return nil, fmt.Errorf("open the port for the encoder (is another program using it? give another one): %w", err)
		}
		return in, nil
	case strings.Contains(cfg.Input, "://"):
		return nil, fmt.Errorf("input %.40q: want rtmp://127.0.0.1:1936 to listen there for an encoder, a file, or - for standard input", cfg.Input)
	}
	path, err := filepath.Abs(cfg.Input)
	if err != nil {
		return nil, fmt.Errorf("input %s: %w", cfg.Input, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	in.path = path
	in.name = fmt.Sprintf("%s %d %d %v", path, info.Size(), info.ModTime().UnixNano(), cfg.Segment)
	return in, findFFmpeg()
}

func findFFmpeg() error {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return errors.New("ffmpeg is needed to read files and standard input, and is not installed: install it, or send RTMP")
	}
	return nil
}

func (in *input) close() {
	if in.listener != nil {
		in.listener.Close()
	}
}

// resume finds out what an earlier run made of the same file.
func (in *input) resume(spool *Spool) {
	if in.path != "" {
		in.resumed, in.all = spool.Resume(in.name)
	}
}

// read reads until the input or ctx ends.
func (in *input) read(ctx context.Context, spool *Spool) error {
	if in.listener != nil {
		return in.listen(ctx, spool)
	}
	if in.all {
		return nil
	}
	c := in.cutter(ctx, spool)
	c.input, c.resume = in.name, in.resumed
	if err := in.remux(ctx, c); err != nil {
		if in.path == "" {
			return errors.Join(err, c.Close())
		}
		return err // a file is read again from where the spool ends
	}
	return c.Close()
}

func (in *input) cutter(ctx context.Context, spool *Spool) *cutter {
	return &cutter{ctx: ctx, spool: spool, length: in.cfg.Segment, log: in.cfg.Log}
}

// remux reads the input through ffmpeg, which copies the frames into fragmented MP4 on a pipe: that has
// exact times, unlike FLV, and frames as they are, unlike MPEG-TS.
func (in *input) remux(ctx context.Context, c *cutter) error {
	source := "pipe:0"
	if in.path != "" {
		source = "file:" + in.path
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-i", source, "-map", "0:v:0?", "-map", "0:a:0?",
		"-c", "copy", "-bsf:a", "aac_adtstoasc", "-f", "mp4", "-movflags", "cmaf+frag_every_frame+delay_moov", "pipe:1")
	cmd.Stdin = in.cfg.Stdin
	if in.path != "" {
		cmd.Stdin = nil
	}
	cmd.WaitDelay = 2 * time.Second
	var said tailBuffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run ffmpeg: %w", err)
	}
	pace := &pacer{on: in.path != "" && !in.cfg.Unpaced}
	err = push.Read(out, func(tracks []media.Track) error {
		pace.tracks = tracks
		return c.Tracks(tracks)
	}, func(s media.Sample) error {
		if err := c.Sample(s); err != nil {
			return err
		}
		if c.skipping() {
			return nil
		}
		return pace.wait(ctx, s)
	})
	if err != nil {
		cancel() // ffmpeg would wait for ever for somebody who reads
	}
	ended := cmd.Wait()
	switch {
	case err != nil && said.len() == 0:
		return fmt.Errorf("read the input: %w", err)
	case err != nil || ended != nil:
		return fmt.Errorf("ffmpeg cannot read the input (it needs H.264 video and AAC audio; convert others with ffmpeg -c:v libx264 -c:a aac): %s (%w)", said.String(), errors.Join(err, ended))
	}
	return nil
}

// pacer holds back what is read from a file, so that it comes as fast as life.
type pacer struct {
	on     bool
	tracks []media.Track
	begun  time.Time
	first  time.Duration
}

// wait waits until a sample is due.
func (p *pacer) wait(ctx context.Context, s media.Sample) error {
	if !p.on || s.Track != p.tracks[0].ID {
		return nil
	}
	scale := int64(p.tracks[0].Timescale)
	at := time.Duration(s.DTS/scale)*time.Second + time.Duration(s.DTS%scale)*time.Second/time.Duration(scale)
	if p.begun.IsZero() {
		p.begun, p.first = time.Now(), at
	}
	due := time.NewTimer(time.Until(p.begun.Add(at - p.first)))
	defer due.Stop()
	select {
	case <-due.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tailBuffer keeps the last of what a program says.
type tailBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(len(t.b)-1000, 0):]
	return len(p), nil
}

func (t *tailBuffer) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.b)
}

func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(bytes.TrimSpace(t.b)), "")
}

// listen takes in encoders over RTMP, whatever key they have, one at a time: the newest wins.
func (in *input) listen(ctx context.Context, spool *Spool) error {
	if in.cfg.Listening != nil {
		in.cfg.Listening(in.listener.Addr().String())
	}
	in.cfg.Log.Info("waiting for the encoder", "server", "rtmp://"+in.listener.Addr().String()+"/live", "key", "any")
	d := &anyKey{in: in, ctx: ctx, spool: spool}
	return rtmp.NewServer(rtmp.Config{Desk: d, Log: in.cfg.Log}).Serve(ctx, in.listener)
}

// anyKey is the desk of the local RTMP server.
type anyKey struct {
	in    *input
	ctx   context.Context
	spool *Spool

	mu   sync.Mutex
	kick func(error)
	gone chan struct{} // closed when the present encoder's sink is
}

// Publish lets an encoder in, after the one before it has gone.
func (d *anyKey) Publish(ctx context.Context, p rtmp.Publication) (rtmp.Sink, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kick != nil {
		d.kick(rtmp.ErrReplaced)
		select {
		case <-d.gone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	d.kick, d.gone = p.Kick, make(chan struct{})
	d.in.cfg.Log.Info("encoder connected", "remote", p.Remote, "encoder", p.Encoder)
	c := d.in.cutter(d.ctx, d.spool)
	return &localSink{cutter: c, log: d.in.cfg.Log.Info, gone: d.gone}, nil
}

// localSink is the sink of the local RTMP server.
type localSink struct {
	*cutter
	log  func(msg string, args ...any)
	gone chan struct{}
}

// Close ends the stream.
func (s *localSink) Close(reason error) {
	if s.cutter.ctx.Err() != nil { // the agent stops: what is there is kept all the same, if there is room
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.cutter.ctx), grace)
		defer cancel()
		s.cutter.ctx = ctx
	}
	err := s.cutter.Close()
	s.log("encoder gone", "reason", errors.Join(reason, err))
	close(s.gone)
}
