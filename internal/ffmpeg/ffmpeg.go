// Package ffmpeg is the one way to run ffmpeg. What it reads is a stranger's, so it runs with limits: no protocols
// but files and pipes, bounded memory, time and output, in a process group of its own that ends with the program, and
// at a low priority unless what is on air waits for it. Its errors are said in words that help a person.
package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound what one run may use. Zero values have the defaults that are named.
type Limits struct {
	Time   time.Duration // of the wall clock; 0: as long as its context
	Memory uint64        // bytes of address space; default 4 GiB
	Output uint64        // bytes of each file that it writes; default 64 GiB
}

// Job is one run of ffmpeg.
type Job struct {
	// Args follow the options that every run has. Inputs are files, or pipe:0 for Stdin; outputs are files, or
	// pipe:1 for Stdout.
	Args   []string
	Stdin  io.Reader
	Stdout io.Writer
	Dir    string // where it runs, and what files are named from; default: where this program runs
	Limits Limits
	Urgent bool // what is on air waits for it: it runs at this program's own priority instead of a low one

	// Progress, if set, is told about twice a second how far the output is. It must return soon.
	Progress func(out time.Duration)
}

var (
	// ErrMissing is returned where there is no ffmpeg to run.
	ErrMissing = errors.New("ffmpeg is not installed: install it (apt-get install ffmpeg) and start again")
	// ErrTooLong is returned for a run that took longer than its limit.
	ErrTooLong = errors.New("it took too long, and was ended")
)

const (
	defaultMemory = 4 << 30
	defaultOutput = 64 << 30
	// waitDelay is how long pipes are read after the process has ended: a grandchild could hold them open.
	waitDelay = 2 * time.Second
	niceness  = 10
)

// always is what every run has: no questions, no network, nothing but errors on the standard error.
var always = []string{"-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,pipe,fd"}

// Run runs ffmpeg until it ends, or ctx does. The error of a run that failed is an *Error.
func Run(ctx context.Context, job Job) error {
	args := append([]string{}, always...)
	var progress *progressReader
	if job.Progress != nil {
		p, err := newProgressReader(job.Progress)
		if err != nil {
			return err
		}
		progress = p
		args = append(args, "-progress", "pipe:3", "-stats_period", "0.5")
	}
	err := run(ctx, "ffmpeg", append(args, job.Args...), job, progress.file())
	progress.wait()
	return err
}

// run runs one of ffmpeg's programs. extra, if not nil, is its file 3, and is closed here.
func run(ctx context.Context, program string, args []string, job Job, extra *os.File) error {
	if extra != nil {
		defer extra.Close()
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return ErrMissing
	}
	if job.Limits.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, job.Limits.Time, ErrTooLong)
		defer cancel()
	}
	said := &lastWords{}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = job.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = job.Stdin, job.Stdout, said
	if extra != nil {
		cmd.ExtraFiles = []*os.File{extra}
	}
	cmd.WaitDelay = waitDelay
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = startAndWait(cmd, job)
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	}
	return explain(program, err, said.String())
}

// startAndWait keeps the thread that started the process until it has ended: the kernel kills a process with
// Pdeathsig when the thread that started it is gone, not only when the program is.
func startAndWait(cmd *exec.Cmd, job Job) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			result <- fmt.Errorf("start ffmpeg: %w", err)
			return
		}
		// Output that breaks off before the limits hold is bounded by the limits all the same: they hold from here on.
		limit(cmd.Process.Pid, job.Limits)
		if !job.Urgent {
			unix.Setpriority(unix.PRIO_PGRP, cmd.Process.Pid, niceness)
		}
		result <- cmd.Wait()
	}()
	return <-result
}

// limit bounds a process that has just been started. It may have ended already, so nothing is made of a failure.
func limit(pid int, l Limits) {
	if l.Memory == 0 {
		l.Memory = defaultMemory
	}
	if l.Output == 0 {
		l.Output = defaultOutput
	}
	for what, most := range map[int]uint64{unix.RLIMIT_AS: l.Memory, unix.RLIMIT_FSIZE: l.Output, unix.RLIMIT_CORE: 0} {
		unix.Prlimit(pid, what, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
}
