package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// job is a file that is to become a clip. Its document is there from the moment at which the file is there as a
// whole until the clip is ready or has failed, and what it left behind is gone.
type job struct {
	Channel string       `json:"channel"`
	Clip    string       `json:"clip"`
	Take    media.TakeID `json:"take"`             // that this attempt makes
	Encode  bool         `json:"encode,omitempty"` // copying what is in the file did not do
	Tries   int          `json:"tries,omitempty"`  // that ended with a fault that might have passed
	Since   time.Time    `json:"since"`
	// Gather: it is no file but a recording, whose media is to be copied.
	Gather bool `json:"gather,omitempty"`
	// Export: it is a recording whose MP4 is to be made.
	Export bool `json:"export,omitempty"`
	// Hold is the recording that is kept only until this clip is made of it.
	Hold string `json:"hold,omitempty"`
	// In and Out are where the clip is to begin and end within what is converted.
	In    media.Ticks `json:"in,omitempty"`
	Out   media.Ticks `json:"out,omitempty"`
	Lease lease       `json:"lease,omitzero"`
	Done  media.Ticks `json:"done,omitempty"` // how far it is, of Total
	Total media.Ticks `json:"total,omitempty"`
}

const (
	jobPrefix = "jobs/convert/"
	maxTries  = 5
)

func jobKey(clip string) string { return jobPrefix + clip }

// trim returns where a clip of that length begins and ends when it is played.
func (j *job) trim(length media.Ticks) (in, out media.Ticks) {
	if in = j.In; in >= length {
		in = 0
	}
	if out = j.Out; out >= length || out <= in {
		out = 0
	}
	return in, out
}

// step is what is to be done next for a job.
type step int

const (
	stepConvert step = iota // make the pieces that are missing
	stepFinish              // all pieces are there: make the clip of them
	stepClean               // the clip is ready or has failed: remove what is left of its making
)

// next says what is to be done, by what is in the bucket alone: the clip, nil if it was deleted, and the newest piece
// of the attempt, nil if there is none. Whichever node asks, and wherever the one before it died, the answer leads on.
func next(c *Clip, last *trailer) step {
	switch {
	case c == nil, c.State == Ready, c.State == Failed:
		return stepClean
	case last != nil && last.End:
		return stepFinish
	}
	return stepConvert
}

// again makes the job one for another attempt, from the beginning.
func (j *job) again(encode bool) {
	j.Take, j.Encode, j.Done = media.NewTakeID(), j.Encode || encode, 0
}

// submit makes the job of a clip whose file is there as a whole. It may be called again.
func (l *Library) submit(ctx context.Context, channel, clip string) error {
	j := job{Channel: channel, Clip: clip, Take: media.NewTakeID(), Since: l.now().UTC()}
	if err := l.ofRecording(ctx, &j); err != nil {
		return err
	}
	if err := bucket.Create(ctx, l.docs, jobKey(clip), j); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return err
	}
	_, err := l.updateClip(ctx, channel, clip, func(c *Clip) error {
		if c.State == Uploading {
			c.State = Waiting
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("submit clip: %w", err)
	}
	l.kick()
	return nil
}

// Progress says how far clips are that are being converted, from 0 to 1, by their ids.
func (l *Library) Progress(ctx context.Context, clips []Clip) map[string]float64 {
	out := map[string]float64{}
	for i := range clips {
		c := &clips[i]
		if c.State != Waiting && c.State != Converting {
			continue
		}
		if j, err := bucket.Load[job](ctx, l.docs, jobKey(c.ID)); err == nil && j.Total > 0 {
			out[c.ID] = j.progress()
		}
		if len(out) == maxProgress {
			break
		}
	}
	return out
}

// progress says how far the job is, from 0 to 1.
func (j *job) progress() float64 {
	if j.Total <= 0 {
		return 0
	}
	return min(float64(j.Done)/float64(j.Total), 1)
}

// maxProgress bounds how many documents are read to show a list.
const maxProgress = 20
