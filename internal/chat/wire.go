package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

const wireVersion = 1

// wire is what one node tells the others of a room at once.
type wire struct {
	Version   int            `json:"v"`
	Room      string         `json:"room"` // see roomName
	Said      []said         `json:"said,omitempty"`
	Held      []said         `json:"held,omitempty"`
	Freed     []string       `json:"freed,omitempty"`
	Removed   []string       `json:"removed,omitempty"`
	Reactions map[string]int `json:"reactions,omitempty"`
	Votes     []vote         `json:"votes,omitempty"`
	Rules     *Rules         `json:"rules,omitempty"`
	Kept      []string       `json:"kept,omitempty"`
}

func (w *wire) empty() bool {
	return len(w.Said) == 0 && len(w.Held) == 0 && len(w.Freed) == 0 && len(w.Removed) == 0 && len(w.Reactions) == 0 && len(w.Votes) == 0 && w.Rules == nil && len(w.Kept) == 0
}

var errForm = errors.New("not of a form that is known")

// maxList bounds the lists of what comes from other nodes.
const maxList = 50_000

func parseWire(data []byte) (w wire, err error) {
	if err := json.Unmarshal(data, &w); err != nil {
		return w, fmt.Errorf("%w: %w", errForm, err)
	}
	if w.Version != wireVersion || w.Room == "" || len(w.Room) > 200 {
		return w, fmt.Errorf("version %d, room %.40q: %w", w.Version, w.Room, errForm)
	}
	if max(len(w.Said), len(w.Held), len(w.Freed), len(w.Removed), len(w.Votes), len(w.Kept)) > maxList {
		return w, fmt.Errorf("a list of over %d: %w", maxList, errForm)
	}
	for _, m := range slices.Concat(w.Said, w.Held) {
		if err := m.check(); err != nil {
			return w, err
		}
	}
	for _, id := range slices.Concat(w.Removed, w.Freed, w.Kept) {
		if _, ok := timeOf(id); !ok {
			return w, fmt.Errorf("message %.40q: %w", id, errForm)
		}
	}
	if w.Rules != nil {
		w.Rules.settle(time.Time{})
		if err := w.Rules.Check(); err != nil {
			return w, fmt.Errorf("%w: %w", errForm, err)
		}
		if p := w.Rules.Poll; p != nil && (len(p.Options) < 2 || len(p.Options) > MaxOptions) {
			return w, fmt.Errorf("a poll with %d answers: %w", len(p.Options), errForm)
		}
	}
	return w, nil
}

// check says whether a message is one that a room could have made.
func (m *Message) check() error {
	if _, ok := timeOf(m.ID); !ok || m.Who == "" || len(m.Who) > 40 || len(m.Name) > 1000 || len(m.Role) > 40 || len(m.Text) > maxBytes || !utf8.ValidString(m.Text+m.Name) {
		return fmt.Errorf("message %.40q: %w", m.ID, errForm)
	}
	return nil
}

// page is a stretch of what was said in a room, as it lies in the bucket.
type page struct {
	Version  int       `json:"v"`
	Messages []Message `json:"messages"`
}

const (
	pageVersion = 1
	maxPage     = 2000 // messages
)

func parsePage(data []byte) ([]Message, error) {
	var p page
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	if p.Version != pageVersion || len(p.Messages) > maxPage {
		return nil, fmt.Errorf("version %d, %d messages: %w", p.Version, len(p.Messages), errForm)
	}
	for i := range p.Messages {
		if err := p.Messages[i].check(); err != nil {
			return nil, err
		}
	}
	return p.Messages, nil
}

func (p page) encode() ([]byte, error) {
	p.Version = pageVersion
	return json.Marshal(p)
}
