package chat

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Mode says who may write in the viewers' room.
type Mode string

// The modes, from the one that lets in most.
const (
	Open    Mode = "open"    // everybody, with a nickname or an account
	Members Mode = "members" // who has signed in
	Crew    Mode = "crew"    // moderators only: who works on the channel
	Closed  Mode = "closed"  // all are muted
	Off     Mode = "off"     // there is no chat
)

// Modes are all modes.
var Modes = []Mode{Open, Members, Crew, Closed, Off}

// Rules are a channel's document about its chat: what moderators have set, whom they keep out, and the poll.
type Rules struct {
	Version int64 `json:"version"` // counts the changes
	Mode    Mode  `json:"mode"`
	// Slow is how many seconds lie between two messages of one viewer; 0: as each likes.
	Slow int `json:"slow,omitempty"`
	// Links: messages with an address in them are held.
	Links bool     `json:"holdLinks,omitempty"`
	Words []string `json:"words,omitempty"` // messages with one of these are held
	Bans  []Ban    `json:"bans,omitempty"`
	Poll  *Poll    `json:"poll,omitempty"`
	// Emotes are the channel's own, by name.
	Emotes []Emote `json:"emotes,omitempty"`
}

// Ban keeps somebody from writing. One with an end is a time-out.
type Ban struct {
	ID     string    `json:"id"`
	Who    string    `json:"who"`
	Mark   string    `json:"mark,omitempty"` // of a guest's address
	Name   string    `json:"name"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"` // zero: until it is lifted
}

// Bounds of a room's rules.
const (
	MaxSlow   = 60 * 60
	maxWords  = 500
	maxWord   = 60
	maxBans   = 1000
	maxReason = 200
)

// settle fills in what a document without it means, and forgets what has ended.
func (r *Rules) settle(now time.Time) {
	if r.Mode == "" {
		r.Mode = Open
	}
	r.Bans = slices.DeleteFunc(slices.Clone(r.Bans), func(b Ban) bool { return !b.counts(now) })
}

// Check says whether the rules can be kept, and brings the word list to one form.
func (r *Rules) Check() error {
	if !slices.Contains(Modes, r.Mode) {
		return invalid("mode %q: use one of %v", r.Mode, Modes)
	}
	if r.Slow < 0 || r.Slow > MaxSlow {
		return invalid("slow of %d s: use 0 (off) to %d", r.Slow, MaxSlow)
	}
	var words []string
	for _, w := range r.Words {
		w = plain(w)
		if utf8.RuneCountInString(w) > maxWord {
			return invalid("a word of %d characters in the word list: use at most %d", utf8.RuneCountInString(w), maxWord)
		}
		if f := fold(w); len(wordsOf(f)) > 0 && !slices.ContainsFunc(words, func(o string) bool { return fold(o) == f }) {
			words = append(words, w)
		}
	}
	if len(words) > maxWords {
		return invalid("%d words in the word list: use at most %d", len(words), maxWords)
	}
	r.Words = words
	return checkEmotes(r.Emotes)
}

func (b *Ban) counts(now time.Time) bool { return b.Until.IsZero() || now.Before(b.Until) }

// Ban keeps somebody out for a while, or with 0 until the ban is lifted. Who is out already stays so as it says now.
func (r *Rules) Ban(b Ban, life time.Duration, now time.Time) (Ban, error) {
	if b.Reason = plain(b.Reason); utf8.RuneCountInString(b.Reason) > maxReason {
		return b, invalid("a reason of %d characters: use at most %d", utf8.RuneCountInString(b.Reason), maxReason)
	}
	bans := slices.DeleteFunc(slices.Clone(r.Bans), func(o Ban) bool { return o.Who == b.Who || !o.counts(now) })
	if len(bans) >= maxBans {
		return b, invalid("%d people are kept out: lift the ban of one first", len(bans))
	}
	b.ID, b.At = randomID(), now.UTC().Truncate(time.Second)
	if life > 0 {
		b.Until = b.At.Add(life)
	}
	r.Bans = append(bans, b)
	return b, nil
}

// Lift ends a ban.
func (r *Rules) Lift(id string) (Ban, error) {
	i := slices.IndexFunc(r.Bans, func(b Ban) bool { return b.ID == id })
	if i < 0 {
		return Ban{}, ErrNotFound
	}
	b := r.Bans[i]
	r.Bans = slices.Delete(slices.Clone(r.Bans), i, i+1)
	return b, nil
}

// banned returns the ban that keeps a speaker out, or nil. A guest is known by the address too.
func (r *Rules) banned(s *Speaker, now time.Time) *Ban {
	for i := range r.Bans {
		b := &r.Bans[i]
		if (b.Who == s.Who || b.Mark != "" && b.Mark == s.Mark && !s.Account) && b.counts(now) {
			return b
		}
	}
	return nil
}

// filter finds what is held, by rules that do not change.
type filter struct {
	links   bool
	words   map[string]bool
	phrases []string // of several words
}

func newFilter(r *Rules) *filter {
	f := &filter{links: r.Links, words: map[string]bool{}}
	for _, w := range r.Words {
		if parts := wordsOf(fold(w)); len(parts) == 1 {
			f.words[parts[0]] = true
		} else {
			f.phrases = append(f.phrases, " "+strings.Join(parts, " ")+" ")
		}
	}
	return f
}

// holds reports whether a moderator has to see a text before others do.
func (f *filter) holds(text string) bool {
	if f.links && hasLink(text) {
		return true
	}
	if len(f.words) == 0 && len(f.phrases) == 0 {
		return false
	}
	parts := wordsOf(fold(text))
	if slices.ContainsFunc(parts, func(w string) bool { return f.words[w] }) {
		return true
	}
	joined := " " + strings.Join(parts, " ") + " "
	return slices.ContainsFunc(f.phrases, func(p string) bool { return strings.Contains(joined, p) })
}

func randomID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
