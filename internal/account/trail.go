package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	trailPrefix = "audit/"
	// trailPage is how many entries an older page holds, and trailHead how many the newest document
	// may hold before a page is cut off.
	trailPage = 50
	trailHead = 2 * trailPage
	maxDetail = 300
)

// Entry is one line of the audit trail: who did what, when.
type Entry struct {
	Number int64     `json:"number"` // counts from 1, without holes
	At     time.Time `json:"at"`
	Who    string    `json:"who,omitempty"` // the account; empty for the administrator's token
	Name   string    `json:"name"`          // what the account was called then
	Did    string    `json:"did"`           // such as "channel.change"
	Detail string    `json:"detail,omitempty"`
}

// FleetTrail is the trail of what concerns no single channel.
const FleetTrail = "fleet"

// Trail is the audit trail: a document of newest entries for each channel and one for the fleet, and
// pages of older ones that are never changed.
type Trail struct {
	docs *bucket.Documents
	now  func() time.Time
}

// NewTrail keeps a trail among documents.
func NewTrail(docs *bucket.Documents, now func() time.Time) *Trail {
	return &Trail{docs: docs, now: now}
}

// Note notes what somebody did as soon as may be, and keeps nobody waiting: what must not wait for the
// bucket, such as a cut. What could not be noted when the node ends is lost.
func (p *People) Note(id string, who *Caller, did, detail string) {
	select {
	case p.notes <- note{id, who, did, detail, p.now()}:
	default:
		p.log.Warn("the audit trail cannot keep up; an entry is lost", "by", who.Name(), "did", did, "detail", detail)
	}
}

// note is an entry that waits.
type note struct {
	id          string
	who         *Caller
	did, detail string
	at          time.Time
}

const (
	maxNotes  = 1000
	noteRetry = 2 * time.Second
	noteTime  = 5 * time.Second
)

// keepNotes writes what waits, in its order, until ctx ends; then what can be written at once.
func (p *People) keepNotes(ctx context.Context) {
	for {
		select {
		case n := <-p.notes:
			for p.keepNote(ctx, n) != nil && ctx.Err() == nil {
				select {
				case <-time.After(noteRetry):
				case <-ctx.Done():
				}
			}
		case <-ctx.Done():
			for len(p.notes) > 0 {
				if err := p.keepNote(ctx, <-p.notes); err != nil {
					p.log.Warn("the newest entries of the audit trail are lost", "entries", len(p.notes)+1, "error", err)
					return
				}
			}
			return
		}
	}
}

func (p *People) keepNote(ctx context.Context, n note) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	return p.trail.add(ctx, n.id, n.at, n.who, n.did, n.detail)
}

// trailDocument holds the newest entries, oldest first.
type trailDocument struct {
	Last    int64   `json:"last"` // number of the newest entry
	Entries []Entry `json:"entries"`
}

func trailPageKey(id string, first int64) string {
	return fmt.Sprintf("%s%s/%012d", trailPrefix, id, first)
}

// Add notes what somebody did, in the trail of a channel's id or of the fleet.
func (t *Trail) Add(ctx context.Context, id string, who *Caller, did, detail string) error {
	return t.add(ctx, id, t.now(), who, did, detail)
}

func (t *Trail) add(ctx context.Context, id string, at time.Time, who *Caller, did, detail string) error {
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	e := Entry{At: at.UTC().Truncate(time.Millisecond), Who: who.ID(), Name: who.Name(), Did: did, Detail: detail}
	_, err := bucket.Update(ctx, t.docs, trailPrefix+id+"/newest", func(d *trailDocument) error {
		if len(d.Entries) >= trailHead {
			page := d.Entries[:trailPage]
			// Written before it is cut off; who comes second with the same page finds it there.
			err := bucket.Create(ctx, t.docs, trailPageKey(id, page[0].Number), trailDocument{Last: page[trailPage-1].Number, Entries: page})
			if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
				return err
			}
			d.Entries = append([]Entry(nil), d.Entries[trailPage:]...)
		}
		d.Last++
		e.Number = d.Last
		d.Entries = append(d.Entries, e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("note in the audit trail: %w", err)
	}
	return nil
}

// Read returns entries newest first: those below the number before, or the newest ones if before is 0.
// It returns at least one unless there are none, and at most trailHead+trailPage.
func (t *Trail) Read(ctx context.Context, id string, before int64) ([]Entry, error) {
	d, err := bucket.Load[trailDocument](ctx, t.docs, trailPrefix+id+"/newest")
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if before <= 0 {
		before = d.Last + 1
	}
	if len(d.Entries) > 0 && before <= d.Entries[0].Number {
		first := (before-2)/trailPage*trailPage + 1 // pages begin at 1, 201, 401, …
		if before < 2 {
			return nil, nil
		}
		if d, err = bucket.Load[trailDocument](ctx, t.docs, trailPageKey(id, first)); err != nil {
			return nil, err
		}
	}
	var out []Entry
	for i := len(d.Entries) - 1; i >= 0; i-- {
		if d.Entries[i].Number < before {
			out = append(out, d.Entries[i])
		}
	}
	return out, nil
}
