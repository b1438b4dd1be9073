package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// publisher keeps one channel on air: an encoder, and with lossless publishing the agent that it hands to.
type publisher struct {
	slug    string
	how     string // push or rtmp
	picture picture
	epoch   time.Time
	target  string   // rtmp://… of the front
	push    []string // the agent's command line; it reads FLV on standard input. nil for plain RTMP
	secret  string   // the stream key, which the log must not hold
	env     []string
	dir     string
	board   *board
	wake    func()

	mu       sync.Mutex
	running  bool
	restarts int
}

// again is how long an encoder waits before it publishes again, as an impatient one does.
const again = 500 * time.Millisecond

// run publishes, again and again, until ctx ends.
func (p *publisher) run(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(p.dir, "encoder-"+p.slug+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("open the log of an encoder: %w", err)
	}
	defer log.Close()
	for ctx.Err() == nil {
		began := time.Now()
		if err := p.once(ctx, log); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		p.mu.Lock()
		p.restarts++
		first := p.restarts == 1 || time.Since(began) > 2*time.Second
		p.mu.Unlock()
		if first { // not every try of a row
			p.board.say(Event{Kind: "encoder", Slug: p.slug, Text: "The encoder of " + p.slug + " lost its connection, and tries again."})
		}
		p.wake()
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
	return nil
}

// once publishes until the encoder ends or ctx does.
func (p *publisher) once(ctx context.Context, log *os.File) error {
	now := time.Now()
	args := p.picture.args(p.picture.number(p.epoch, now), now)
	if p.push == nil {
		encoder, err := startChild(spec{argv: append(append([]string{"ffmpeg"}, args...), "-f", "flv", p.target), env: p.env, line: p.keep(log)})
		if err != nil {
			return err
		}
		p.attend(ctx, encoder)
		return nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("join the encoder and the agent: %w", err)
	}
	defer read.Close()
	agent, err := startChild(spec{argv: p.push, env: p.env, stdin: read, line: p.keep(log)})
	if err != nil {
		write.Close()
		return err
	}
	defer agent.stop(time.Second)
	encoder, err := startChild(spec{argv: append(append([]string{"ffmpeg"}, args...), "-f", "flv", "pipe:3"), env: p.env, line: p.keep(log), extra: []*os.File{write}})
	write.Close()
	if err != nil {
		return err
	}
	p.attend(ctx, encoder, agent)
	return nil
}

// keep writes lines to a log, with no more of the stream key than its beginning.
func (p *publisher) keep(log *os.File) func([]byte) {
	return func(line []byte) {
		if p.secret != "" {
			line = bytes.ReplaceAll(line, []byte(p.secret), []byte(p.secret[:min(4, len(p.secret))]+"…"))
		}
		log.Write(append(bytes.Clone(line), '\n'))
	}
}

// attend waits until the first of the children ends, or ctx, and then ends all.
func (p *publisher) attend(ctx context.Context, children ...*child) {
	p.set(true)
	defer p.set(false)
	ended := make(chan struct{}, len(children))
	for _, c := range children {
		go func() {
			<-c.done
			ended <- struct{}{}
		}()
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
	for _, c := range children {
		c.stop(time.Second)
	}
}

func (p *publisher) set(running bool) {
	p.mu.Lock()
	p.running = running
	p.mu.Unlock()
	p.wake()
}

// status returns whether the encoder runs, and how often it began again.
func (p *publisher) status() (running bool, restarts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, p.restarts
}
