// Package chat is what viewers of a channel say to one another: a room of messages with moderation, reactions and a
// poll, and a room of their own for who works on the channel.
//
// A Room decides: it is a state machine without goroutines, clocks or I/O. A Hub holds the rooms of one node, tells who
// listens in batches that are encoded once, exchanges what is said with the other nodes, and keeps it in the bucket.
// What is on its way is soft state: a node's death loses what it has told nobody.
package chat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Message is something that was said.
type Message struct {
	ID   string    `json:"id"` // sorts by time
	At   time.Time `json:"at" doc:"program time"`
	Who  string    `json:"who" doc:"the person, in this channel only"`
	Name string    `json:"name"`
	Role string    `json:"role,omitempty" doc:"of who works on the channel"`
	Text string    `json:"text"`
}

// Speaker is who wants to say something.
type Speaker struct {
	Who     string // see Account and Guest
	Mark    string // of the address, see MarkOf
	Name    string
	Role    string // in the channel, "" for a viewer
	Account bool   // signed in
	Crew    bool   // may moderate: most rules are for others
}

// Bounds of what a person may send.
const (
	MaxText  = 400 // characters
	maxBytes = 4 * MaxText
	minName  = 2
	maxName  = 24
)

// Reactions are what viewers may let rise over the player.
var Reactions = []string{"heart", "clap", "laugh", "wow", "sad", "party"}

var (
	// ErrInvalid is wrapped by the errors of what a caller gave.
	ErrInvalid = errors.New("cannot be said")
	// ErrBarred is wrapped by the errors of who may not say anything, or not now.
	ErrBarred = errors.New("may not write here")
	// ErrNotFound is returned for a message, ban or poll that is not there.
	ErrNotFound = errors.New("that is not in the chat any more")
	// ErrStarting is returned while the channel's rules could not be read yet.
	ErrStarting = errors.New("the chat's rules cannot be read at the moment")
)

// OftenError is for who says too much. The next try counts after Wait.
type OftenError struct {
	Wait time.Duration
	Why  string
}

func (e *OftenError) Error() string {
	return e.Why + ": wait " + (e.Wait + time.Second - 1).Truncate(time.Second).String()
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Account names a signed-in person in a channel. Nobody finds the account by it.
func Account(channel, account string) string { return "a" + hashed("account", channel, account) }

// Guest names somebody in a channel by the secret that the browser keeps. It returns an error for what is none.
func Guest(channel, secret string) (string, error) {
	if len(secret) < 16 || len(secret) > 64 || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", invalid("guest is a secret that your program makes up once: 16 to 64 letters and digits")
	}
	return "g" + hashed("guest", channel, secret), nil
}

// MarkOf tells addresses apart in a channel without keeping them. The addresses of one IPv6 network are one.
func MarkOf(channel, address string) string {
	if a, err := netip.ParseAddr(address); err == nil {
		if a = a.Unmap(); a.Is6() {
			p, _ := a.WithZone("").Prefix(64) // 64 bits are there
			address = p.String()
		}
	}
	return hashed("address", channel, address)
}

func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

const (
	idTime = 11 // hexadecimal digits of ms since 1970: until 2527
	idSize = idTime + 10
)

// newID makes the id of a message said at that time.
func newID(at time.Time) string {
	var b [5]byte
	rand.Read(b[:])
	return stamp(at) + hex.EncodeToString(b[:])
}

// stamp writes a time so that it sorts.
func stamp(at time.Time) string { return fmt.Sprintf("%0*x", idTime, max(at.UnixMilli(), 0)) }

// timeOf reads when the message of an id was said.
func timeOf(id string) (time.Time, bool) {
	if len(id) != idSize || strings.Trim(id, "0123456789abcdef") != "" {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(id[:idTime], 16, 64)
	return time.UnixMilli(ms).UTC(), err == nil
}
