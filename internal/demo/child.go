package demo

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// spec is a program to run.
type spec struct {
	argv  []string
	env   []string   // the whole environment
	stdin io.Reader  // an *os.File is handed over as it is
	extra []*os.File // its files from number 3 on
	log   io.Writer  // all it says
	line  func([]byte)
}

// child is a running program. It leads a process group of its own, so that Ctrl-C on the terminal reaches
// this program alone, and what it starts ends with it.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and everything it said was read
	err  error         // how it ended; read after done
}

// startChild starts a program. Its owner calls kill or stop, or waits for done.
func startChild(s spec) (*child, error) {
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.ExtraFiles = s.env, s.stdin, s.extra
	out := &lines{each: s.line, log: s.log}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = processGroup()
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.argv[0], err)
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind in its group
		close(c.done)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// signal sends a signal to the whole group, unless it has ended: then the number may be another's.
func (c *child) signal(s syscall.Signal) {
	if !c.ended() {
		syscall.Kill(-c.pid(), s)
	}
}

// kill ends it as a crash does, and waits.
func (c *child) kill() {
	c.signal(syscall.SIGKILL)
	<-c.done
}

// stop asks it to end, gives it so long, and then kills it.
func (c *child) stop(grace time.Duration) {
	c.signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(grace):
		c.kill()
	}
}

// lines hands on what is written, and calls each with every whole line.
type lines struct {
	each func([]byte)
	log  io.Writer

	mu   sync.Mutex
	rest []byte
}

// maxLine bounds a line; a longer one is handed on in pieces.
const maxLine = 64 << 10

// Write never fails: a full disk must not stop what is being shown.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log != nil {
		l.log.Write(p)
	}
	if l.each == nil {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		at := bytes.IndexByte(l.rest, '\n')
		if at < 0 && len(l.rest) >= maxLine {
			at = len(l.rest) - 1
		}
		if at < 0 {
			return len(p), nil
		}
		l.each(bytes.TrimSpace(l.rest[:at+1]))
		l.rest = l.rest[at+1:]
	}
}
