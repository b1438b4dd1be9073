package ffmpeg

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// progressReader reads what ffmpeg's -progress writes. A nil one reads nothing.
type progressReader struct {
	r, w *os.File
	done chan struct{}
}

func newProgressReader(tell func(time.Duration)) (*progressReader, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("a pipe for ffmpeg's progress: %w", err)
	}
	p := &progressReader{r: r, w: w, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if out, ok := parseProgress(lines.Text()); ok {
				tell(out)
			}
		}
	}()
	return p, nil
}

// file is what the process writes to. Who gets it closes it.
func (p *progressReader) file() *os.File {
	if p == nil {
		return nil
	}
	return p.w
}

// wait waits until all that was written is told; the process has ended, and file is closed.
func (p *progressReader) wait() {
	if p == nil {
		return
	}
	<-p.done
	p.r.Close()
}

// parseProgress reads one line: how far the output is.
func parseProgress(line string) (time.Duration, bool) {
	value, ok := strings.CutPrefix(line, "out_time_us=")
	if !ok {
		return 0, false
	}
	us, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil || us < 0 {
		return 0, false // N/A before the first frame
	}
	return time.Duration(us) * time.Microsecond, true
}
