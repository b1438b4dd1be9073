package demo

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// State is what the page shows, as it is sent to it.
type State struct {
	Now      int64     `json:"now"` // all times in ms since 1970
	Front    string    `json:"front"`
	Epoch    int64     `json:"epoch"` // when picture number 0 of the channels was, or would have been, made
	Nodes    []Node    `json:"nodes"`
	Bucket   Bucket    `json:"bucket"`
	Channels []Channel `json:"channels"`
	Refused  int64     `json:"refused"` // viewers' connections that found no node
	Mesh     bool      `json:"mesh"`    // nodes can be cut off the mesh
}

// Node is one node of the fleet, with its roles.
type Node struct {
	Name        string            `json:"name"`
	State       string            `json:"state"` // dead, starting, ready, leaving
	Since       int64             `json:"since"`
	PID         int               `json:"pid,omitempty"`
	HTTP        string            `json:"http,omitempty"`
	Log         string            `json:"log"`
	Incarnation string            `json:"incarnation,omitempty"`
	Starts      int               `json:"starts"`
	Cut         bool              `json:"cut"` // off the mesh
	TakesIn     []string          `json:"takesIn"`
	Witnesses   []string          `json:"witnesses"`
	Directs     []string          `json:"directs"`
	Share       float64           `json:"share"`   // of what viewers got in the last seconds, 0 to 1
	Bitrate     float64           `json:"bitrate"` // bit/s to viewers
	Seen        map[string]string `json:"seen"`    // by the others: alive, suspect, gone
}

// Bucket is where everything is kept.
type Bucket struct {
	Where string `json:"where"`
	Away  bool   `json:"away"`
	Since int64  `json:"since"`
}

// Channel is a channel on air and how it is published.
type Channel struct {
	Slug      string   `json:"slug"`
	How       string   `json:"how"` // push or rtmp
	State     string   `json:"state"`
	Node      string   `json:"node,omitempty"` // that takes it in
	Witnesses []string `json:"witnesses,omitempty"`
	Director  string   `json:"director,omitempty"`
	FPS       int      `json:"fps"`
	Encoder   bool     `json:"encoder"`  // runs
	Restarts  int      `json:"restarts"` // of the encoder
}

// Event is one line of the log that the page shows.
type Event struct {
	ID   int64  `json:"id"`
	At   int64  `json:"at"`
	Kind string `json:"kind"` // kill, start, ready, dead, mesh, bucket, seen, role, cut, encoder
	Node string `json:"node,omitempty"`
	On   bool   `json:"on,omitempty"` // of mesh and bucket: the fault began
	Slug string `json:"slug,omitempty"`
	Text string `json:"text"`
}

// maxEvents is how many lines of the log are kept; a page that opens gets them all.
const maxEvents = 300

// board is what pages look at: the present state and the last events.
type board struct {
	mu      sync.Mutex
	state   []byte
	events  []Event
	next    int64
	changed chan struct{} // closed at the next change
}

func newBoard() *board { return &board{changed: make(chan struct{}), next: 1} }

func (b *board) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// show sets the state.
func (b *board) show(s State) {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // State holds nothing that JSON cannot say
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = data
	b.wake()
}

// say adds a line to the log.
func (b *board) say(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.ID, e.At = b.next, time.Now().UnixMilli()
	b.next++
	if len(b.events) >= maxEvents {
		b.events = slices.Delete(b.events, 0, len(b.events)-maxEvents+1)
	}
	b.events = append(b.events, e)
	b.wake()
}

// look returns the state, the events after the one numbered after, and what is closed at the next change.
func (b *board) look(after int64) (state []byte, events []Event, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, e := range b.events {
		if e.ID > after {
			events = slices.Clone(b.events[i:])
			break
		}
	}
	return b.state, events, b.changed
}
