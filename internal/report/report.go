// Package report keeps what viewers report of channels until an operator has answered it.
package report

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Reason is what a report is about.
type Reason struct{ ID, Name string }

// Reasons are all of them. An id is never given another meaning.
var Reasons = []Reason{
	{"violence", "Violence, threats or hate"},
	{"sexual", "Sexual content"},
	{"children", "A child is in danger"},
	{"rights", "It shows what belongs to somebody else"},
	{"fraud", "Fraud or spam"},
	{"privacy", "It shows somebody against their will"},
	{"other", "Something else"},
}

const (
	prefix   = "reports/"
	maxWords = 2000
	// maxOpen is how many reports of a channel are kept that nobody has answered; more are counted.
	maxOpen = 50
)

// ErrInvalid is wrapped by what is wrong with a report.
var ErrInvalid = errors.New("invalid report")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Report is what a viewer says of a channel.
type Report struct {
	Number int64     `json:"number"` // counts from 1 in each channel
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Words  string    `json:"words,omitempty"`
	Email  string    `json:"email,omitempty" doc:"to answer to, if it was given; gone with the report"`
}

// Pile is all that is open of one channel: the document.
type Pile struct {
	Channel string   `json:"channel"` // id
	Slug    string   `json:"slug"`
	Last    int64    `json:"last" doc:"number of the newest report; higher than the last one shown if more came than are kept"`
	Reports []Report `json:"reports"`
	More    int      `json:"more,omitempty" doc:"that came besides"`
}

// Book keeps the reports of all channels.
type Book struct{ docs *bucket.Documents }

// NewBook keeps reports among documents.
func NewBook(docs *bucket.Documents) *Book { return &Book{docs} }

// Check checks a report and cuts what is around its words.
func (r *Report) Check() error {
	if !slices.ContainsFunc(Reasons, func(x Reason) bool { return x.ID == r.Reason }) {
		return invalid("reason %.40q: there is no such reason", r.Reason)
	}
	r.Words, r.Email = strings.TrimSpace(r.Words), strings.TrimSpace(r.Email)
	if !utf8.ValidString(r.Words) || utf8.RuneCountInString(r.Words) > maxWords {
		return invalid("words: use at most %d characters of plain text", maxWords)
	}
	if r.Email != "" {
		if a, err := mail.ParseAddress(r.Email); err != nil || a.Address != r.Email || len(r.Email) > 254 {
			return invalid("“%.60s” is not an e-mail address: use one like name@example.org, or none", r.Email)
		}
	}
	return nil
}

// Add keeps a report of a channel.
func (b *Book) Add(ctx context.Context, channel, slug string, r Report) error {
	if err := r.Check(); err != nil {
		return err
	}
	_, err := bucket.Update(ctx, b.docs, prefix+channel, func(p *Pile) error {
		p.Channel, p.Slug = channel, slug
		p.Last++
		if len(p.Reports) >= maxOpen {
			p.More++
			return nil
		}
		r.Number = p.Last
		p.Reports = append(p.Reports, r)
		return nil
	})
	return err
}

// Open returns what is open of all channels, the channel first that waits longest.
func (b *Book) Open(ctx context.Context) ([]Pile, error) {
	var out []Pile
	err := bucket.All(ctx, b.docs.Bucket(), prefix, func(e bucket.Entry) error {
		p, err := bucket.LoadListed[Pile](ctx, b.docs, e)
		if err == nil && len(p.Reports) > 0 {
			out = append(out, p)
		}
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		return err
	})
	slices.SortFunc(out, func(x, y Pile) int { return x.Reports[0].At.Compare(y.Reports[0].At) })
	return out, err
}

// Answered drops the reports of a channel up to a number: an operator has read them. It returns how many that were.
func (b *Book) Answered(ctx context.Context, channel string, last int64) (count int, err error) {
	_, err = bucket.Update(ctx, b.docs, prefix+channel, func(p *Pile) error {
		before := len(p.Reports)
		p.Reports = slices.DeleteFunc(slices.Clone(p.Reports), func(r Report) bool { return r.Number <= last })
		count = before - len(p.Reports)
		if last >= p.Last {
			p.More = 0
		}
		return nil
	})
	return count, err
}
