package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"net"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Playback is what a playback token lets a viewer of a channel fetch that not everybody may watch.
type Playback byte

const (
	PlayMedia Playback = 'm' // media: what playlists add to their addresses, the same for all viewers for an hour
	PlayLists Playback = 'w' // playlists: what the password gives
	PlayCrew  Playback = 'c' // playlists, for who works on the channel: a viewer limit does not count
)

// Lives of playback tokens. They end at full hours. Media's is longer than the hour for which it is the same: a
// player that asks for what has changed goes on with the addresses that it has of the rest.
const (
	mediaLife = 6 * time.Hour
	listsLife = 30 * 24 * time.Hour
	crewLife  = 12 * time.Hour
)

// A playback token is, in base64url: what it is for, the hour at which it ends, and 128 bits of an HMAC over
// both, the channel's id and its turn. So any node can check it without a store, and all tokens of a channel end
// when its turn goes up. It is shorter than a JWT because it stands behind every address of a playlist.
const (
	playbackHead = 1 + 4
	playbackSize = playbackHead + 16
	playbackMark = "mayfly playback\x00"
)

var playbackText = base64.RawURLEncoding

// PlaybackToken returns a token for a channel. All who ask within the same hour get the same.
func (p *People) PlaybackToken(ctx context.Context, do Playback, c *channel.Channel) (string, error) {
	key, err := p.signer.current(ctx)
	if err != nil {
		return "", err
	}
	life := map[Playback]time.Duration{PlayMedia: mediaLife, PlayLists: listsLife, PlayCrew: crewLife}[do]
	until := p.now().Add(life).Unix()/3600 + 1
	var b [playbackSize]byte
	b[0] = byte(do)
	binary.BigEndian.PutUint32(b[1:], uint32(min(until, math.MaxUint32)))
	copy(b[playbackHead:], playbackSum(&key, b[:playbackHead], c))
	return playbackText.EncodeToString(b[:]), nil
}

// CheckPlayback returns what a token is good for in a channel, and false if for nothing.
func (p *People) CheckPlayback(ctx context.Context, c *channel.Channel, token string) (Playback, bool) {
	var b [playbackSize]byte
	if len(token) != playbackText.EncodedLen(len(b)) {
		return 0, false
	}
	if n, err := playbackText.Decode(b[:], []byte(token)); err != nil || n != len(b) {
		return 0, false
	}
	if p.now().Unix() >= int64(binary.BigEndian.Uint32(b[1:]))*3600 {
		return 0, false
	}
	known := p.signer.known()
	for range 2 {
		for i := range known {
			if hmac.Equal(b[playbackHead:], playbackSum(&known[i], b[:playbackHead], c)) {
				return Playback(b[0]), true
			}
		}
		// Another node may have made a new key; who made the token up causes one look in a while.
		p.signer.key(ctx, "")
		now := p.signer.known()
		if len(now) == len(known) {
			break
		}
		known = now
	}
	return 0, false
}

func playbackSum(key *signingKey, head []byte, c *channel.Channel) []byte {
	h := hmac.New(sha256.New, key.Secret)
	h.Write([]byte(playbackMark))
	h.Write(head)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(c.Turn)))
	h.Write([]byte(c.ID))
	return h.Sum(nil)[:playbackSize-playbackHead]
}

// Guessed notes that somebody showed a playback token or link that is none, and returns an OftenError to who does
// that too often. from is where the request came from.
func (p *People) Guessed(from string) error { return p.limits.take(playbackTries, from) }

// guessHold is how long a wrong stream key waits for its answer, at most.
const guessHold = 10 * time.Second

// HoldGuess keeps who shows a stream key that is none waiting, the longer the more such keys came from there lately.
// Who shows one that counts never waits: behind a balancer all encoders may have one address.
func (p *People) HoldGuess(ctx context.Context, from string) {
	if host, _, err := net.SplitHostPort(from); err == nil {
		from = host
	}
	bounded, cancel := context.WithTimeout(ctx, guessHold)
	defer cancel()
	if p.limits.of(streamKeys, from).Wait(bounded) != nil {
		<-bounded.Done()
	}
}

const minBroadcastPassword = 6

// BroadcastPassword returns what a channel stores of the password that its viewers enter.
func (p *People) BroadcastPassword(ctx context.Context, password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < minBroadcastPassword || len(password) > maxPassword {
		return "", invalid("password of %d characters: use %d to %d", n, minBroadcastPassword, maxPassword)
	}
	return p.hasher.hash(ctx, password)
}

// Enter returns a token for the playlists of a channel to who knows its password, or ErrPassword.
func (p *People) Enter(ctx context.Context, c *channel.Channel, password, from string) (string, error) {
	if err := p.limits.take(entersFrom, c.ID+" "+from); err != nil {
		return "", err
	}
	if err := p.limits.take(entersOf, c.ID); err != nil {
		return "", err
	}
	ok, err := p.hasher.matches(ctx, password, c.Password)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", ErrPassword
	}
	return p.PlaybackToken(ctx, PlayLists, c)
}

// MayReport returns an OftenError to who reports too often.
func (p *People) MayReport(from string) error { return p.limits.take(reportsFrom, from) }

// MaySubscribe returns an OftenError to who has browsers told of channels too often.
func (p *People) MaySubscribe(from string) error { return p.limits.take(subscriptionsFrom, from) }

// MayLookUp returns an OftenError to who asks for subscriptions, or ends them, too often.
func (p *People) MayLookUp(from string) error { return p.limits.take(subscriptionLooksFrom, from) }
