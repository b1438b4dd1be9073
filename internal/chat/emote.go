package chat

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/artwork"
)

// Emote is a small picture of a channel's own: pages show it where a message has its name between colons. What is said
// and kept is the name, so a message reads well without the picture too, also when it is long gone.
type Emote struct {
	Name  string `json:"name"`
	Image string `json:"image"` // as artwork names it
}

// maxEmotes bounds a channel's own emotes.
const maxEmotes = 50

var emoteName = regexp.MustCompile(`^[a-z0-9_]{2,24}$`)

// CheckEmoteName says whether an emote can be called so.
func CheckEmoteName(name string) error {
	if !emoteName.MatchString(name) {
		return invalid("an emote called %.40q: use 2 to 24 small letters, digits and _, as in wave or our_church", name)
	}
	return nil
}

// PutEmote gives the channel an emote, or one that it has another picture.
func (r *Rules) PutEmote(e Emote) error {
	if err := CheckEmoteName(e.Name); err != nil {
		return err
	}
	if artwork.ContentType(e.Image) == "" {
		return invalid("the emote %s has no picture", e.Name)
	}
	all := slices.DeleteFunc(slices.Clone(r.Emotes), func(o Emote) bool { return o.Name == e.Name })
	if len(all) >= maxEmotes {
		return invalid("%d emotes: remove one first", len(all))
	}
	r.Emotes = append(all, e)
	slices.SortFunc(r.Emotes, func(a, b Emote) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// DropEmote takes an emote away; messages show its name from then on.
func (r *Rules) DropEmote(name string) error {
	i := slices.IndexFunc(r.Emotes, func(e Emote) bool { return e.Name == name })
	if i < 0 {
		return ErrNotFound
	}
	r.Emotes = slices.Delete(slices.Clone(r.Emotes), i, i+1)
	return nil
}

// checkEmotes says whether emotes that come from elsewhere can be kept.
func checkEmotes(all []Emote) error {
	again := Rules{}
	for _, e := range all {
		if err := again.PutEmote(e); err != nil {
			return err
		}
	}
	return nil
}

// emotesAre is what was read of a channel's emotes.
type emotesAre struct {
	all []Emote
	at  time.Time
}

// emotesTime is for how long they count where the room is not open: who asks for pictures in it asks the bucket once.
const emotesTime = time.Second

// Emotes returns a channel's own emotes. It opens no room. The caller must not change them.
func (h *Hub) Emotes(ctx context.Context, channel string) ([]Emote, error) {
	h.mu.Lock()
	p, read := h.places[roomName(channel, false)], h.emotes[channel]
	h.mu.Unlock()
	if p != nil {
		p.mu.Lock()
		known, all := p.room.known, p.room.rules.Emotes
		p.mu.Unlock()
		if known {
			return all, nil
		}
	}
	if time.Since(read.at) < emotesTime {
		return read.all, nil
	}
	all, err, _ := h.reading.Do(channel, func() (any, error) {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTime) // others wait for it too
		defer cancel()
		rules, err := h.Rules(bounded, channel)
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		h.emotes[channel] = emotesAre{rules.Emotes, time.Now()}
		h.mu.Unlock()
		return rules.Emotes, nil
	})
	if err != nil {
		return nil, err
	}
	return all.([]Emote), nil
}
