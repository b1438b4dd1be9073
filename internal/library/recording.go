package library

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// RecordingState is how far a recording is. It can be played in each of them.
type RecordingState string

// The states of a recording, in the order in which it has them.
const (
	OnAir RecordingState = "onAir" // its broadcast goes on
	Kept  RecordingState = "kept"  // its media lies in bundles, which stay for it
	Whole RecordingState = "whole" // its media lies in pieces of its own
)

// Recording is a stretch of a channel's program that is kept: a broadcast, or what somebody wanted of it. It is a list
// of passages, each a finished take with an index of its own like a clip's, which at first refers to bundles.
type Recording struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	State    RecordingState `json:"state"`
	Begin    time.Time      `json:"begin"` // program time
	End      time.Time      `json:"end"`
	Duration media.Ticks    `json:"duration"` // of what there is, without what is missing in between
	Bytes    int64          `json:"bytes"`
	Hidden   bool           `json:"hidden,omitempty"` // viewers are not shown it
	Poster   int            `json:"poster,omitempty"`
	// Open: what comes next in the program may still belong to it.
	Open bool `json:"open,omitempty"`
	// First and Next are its first number in the program, and the one behind its last.
	First int64 `json:"first"`
	Next  int64 `json:"next"`
	// Needs says from which bundle on incarnations, written node/id, are needed for it.
	Needs map[string]uint64 `json:"needs,omitempty"`
	// Mixed: its pictures or sound are of several kinds, so that its MP4 has to be made. It is noted when it becomes
	// Whole; of one that became so earlier than that was noted nobody has found out: nil.
	Mixed *bool `json:"mixed,omitempty"`
	// Export is that MP4, once somebody wanted it.
	Export *Export `json:"export,omitempty"`
	// Clip is set for what is kept only until that clip is made of it. Nobody sees it.
	Clip string `json:"clip,omitempty"`
}

// archive is the document that holds all recordings of a channel.
type archive struct {
	Channel    string      `json:"channel"`
	Recordings []Recording `json:"recordings"` // newest first
	// Next is the number in the program up to which broadcasts were recorded.
	Next int64  `json:"next,omitempty"`
	Gone []gone `json:"gone,omitempty"`
}

// passages is the document that says what a recording consists of.
type passages struct {
	Channel   string    `json:"channel"`
	Recording string    `json:"recording"`
	Passages  []passage `json:"passages"`
}

// passage is a stretch of one take that the program showed.
type passage struct {
	Entry  string       `json:"entry"`
	Number int64        `json:"number"` // of its first segment in the program
	Take   media.TakeID `json:"take"`   // which it is as part of the recording; the one that it was cut out of has another
	From   uint32       `json:"from"`   // where in that one it begins
	Begin  time.Time    `json:"begin"`  // program time
	// Done: nothing is added to it any more. Length and Bytes are what it has then.
	Done   bool        `json:"done,omitempty"`
	Length media.Ticks `json:"length,omitempty"`
	Bytes  int64       `json:"bytes,omitempty"`
}

const (
	archivePrefix = "recordings/"
	maxRecordings = 500
)

func archiveKey(channel string) string { return archivePrefix + channel + "/list" }

func passagesKey(channel, recording string) string { return archivePrefix + channel + "/" + recording }

func (a *archive) recording(id string) *Recording {
	for i := range a.Recordings {
		if a.Recordings[i].ID == id {
			return &a.Recordings[i]
		}
	}
	return nil
}

// open returns the recording that goes on, or nil.
func (a *archive) open() *Recording {
	for i := range a.Recordings {
		if a.Recordings[i].Open {
			return &a.Recordings[i]
		}
	}
	return nil
}

// size says how many bytes there are of a recording and its MP4.
func (r *Recording) size() int64 {
	if r.Export == nil {
		return r.Bytes
	}
	return r.Bytes + r.Export.Bytes
}

// used says how many bytes there are of what people see.
func (a *archive) used() (n int64) {
	for i := range a.Recordings {
		n += a.Recordings[i].size()
	}
	return n
}

func (l *Library) archive(ctx context.Context, channel string) (archive, error) {
	return bucket.LoadIfThere[archive](ctx, l.docs, archiveKey(channel))
}

func (l *Library) updateArchive(ctx context.Context, channel string, change func(*archive) error) (archive, error) {
	return bucket.Update(ctx, l.docs, archiveKey(channel), func(a *archive) error {
		a.Channel = channel
		return change(a)
	})
}

// updateRecording changes one recording by compare-and-swap.
func (l *Library) updateRecording(ctx context.Context, channel, id string, change func(*Recording) error) (Recording, error) {
	a, err := l.updateArchive(ctx, channel, func(a *archive) error {
		r := a.recording(id)
		if r == nil {
			return ErrNotFound
		}
		return change(r)
	})
	if err != nil {
		return Recording{}, err
	}
	return *a.recording(id), nil
}

// Recordings returns the recordings of a channel, newest first.
func (l *Library) Recordings(ctx context.Context, channel string) ([]Recording, error) {
	a, err := l.archive(ctx, channel)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(a.Recordings, func(r Recording) bool { return r.Clip != "" }), nil
}

// Recording returns a recording, or ErrNotFound.
func (l *Library) Recording(ctx context.Context, channel, id string) (Recording, error) {
	a, err := l.archive(ctx, channel)
	if err != nil {
		return Recording{}, err
	}
	if r := a.recording(id); r != nil {
		return *r, nil
	}
	return Recording{}, ErrNotFound
}

// RecordingChange is what may be changed of a recording; nil leaves it as it is.
type RecordingChange struct {
	Title  *string
	Hidden *bool
}

// ChangeRecording changes what people say of a recording.
func (l *Library) ChangeRecording(ctx context.Context, channel, id string, by RecordingChange) (Recording, error) {
	return l.updateRecording(ctx, channel, id, func(r *Recording) error {
		if by.Title != nil {
			r.Title = strings.Join(strings.Fields(*by.Title), " ")
		}
		if by.Hidden != nil {
			r.Hidden = *by.Hidden
		}
		return checkText("title", r.Title, 1, maxTitle)
	})
}

// DeleteRecording takes a recording away. It cannot be played any more from then on; its bytes go soon after, and the
// bundles that only it needed when the collector comes by. One whose broadcast goes on is begun anew from here on.
func (l *Library) DeleteRecording(ctx context.Context, channel, id string) error {
	p, err := l.passages(ctx, channel, id)
	if err != nil {
		return err
	}
	if _, err = l.updateArchive(ctx, channel, func(a *archive) error {
		r := a.recording(id)
		if r == nil {
			return ErrNotFound
		}
		if len(a.Gone) >= maxGone {
			return fmt.Errorf("%w: %d deletions are still under way: try again in a minute", ErrFull, len(a.Gone))
		}
		if r.Open {
			a.Next = max(a.Next, r.Next)
		}
		a.Gone = append(a.Gone, gone{Clip: id, At: l.now().UTC()})
		a.Recordings = slices.DeleteFunc(a.Recordings, func(r Recording) bool { return r.ID == id })
		return nil
	}); err != nil {
		return err
	}
	return l.removeIndexes(ctx, &p)
}

// removeIndexes removes the indexes of a recording's takes, so that nobody finds its media any more.
func (l *Library) removeIndexes(ctx context.Context, p *passages) error {
	for i := range p.Passages {
		l.forget(p.Passages[i].Take)
		if err := l.bucket.Delete(ctx, indexKey(p.Passages[i].Take)); err != nil {
			return err
		}
	}
	return nil
}

// passages reads what a recording consists of.
func (l *Library) passages(ctx context.Context, channel, id string) (passages, error) {
	if !validID(channel) || !validID(id) {
		return passages{}, ErrNotFound
	}
	p, err := bucket.LoadIfThere[passages](ctx, l.docs, passagesKey(channel, id))
	p.Channel, p.Recording = channel, id
	slices.SortStableFunc(p.Passages, func(a, b passage) int { return cmp.Compare(a.Number, b.Number) })
	return p, err
}

// Needed says from which bundle on incarnations are needed for recordings that do not lie in pieces of their own yet.
func (l *Library) Needed(ctx context.Context) (map[bundle.Incarnation]uint64, error) {
	needed := map[bundle.Incarnation]uint64{}
	err := l.eachArchive(ctx, func(a *archive) error {
		if a.open() != nil {
			l.recorder.stir(a.Channel)
		}
		for i := range a.Recordings {
			for origin, from := range a.Recordings[i].Needs {
				i, err := bundle.ParseIncarnation(origin)
				if err != nil {
					return err
				}
				if old, ok := needed[i]; !ok || from < old {
					needed[i] = from
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find what recordings need: %w", err)
	}
	return needed, nil
}

// eachArchive calls f for the recordings of every channel.
func (l *Library) eachArchive(ctx context.Context, f func(*archive) error) error {
	return bucket.All(ctx, l.bucket, archivePrefix, func(e bucket.Entry) error {
		if !strings.HasSuffix(e.Key, "/list") {
			return nil
		}
		a, err := bucket.LoadListed[archive](ctx, l.docs, e)
		if err != nil {
			return err
		}
		return f(&a)
	})
}
