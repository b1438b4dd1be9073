package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

const invitationPrefix = "people/invitations/"

// Invitation lets somebody make an account, or join a channel with the one they have.
type Invitation struct {
	ID        string       `json:"id"`
	By        string       `json:"by"`                // the account that invites, "" for the administrator's token
	Email     string       `json:"email,omitempty"`   // whom the letter went to; anybody with the link may use it
	Channel   string       `json:"channel,omitempty"` // slug of the channel that it is to
	ChannelID string       `json:"channelID,omitempty"`
	Role      channel.Role `json:"role,omitempty"`     // in that channel
	Operator  bool         `json:"operator,omitempty"` // makes the account an operator
	Made      time.Time    `json:"made"`
	Expires   time.Time    `json:"expires"`
	Left      int          `json:"left"` // how often it may still be used
	Hash      []byte       `json:"hash"`
}

const (
	inviteLife   = 7 * 24 * time.Hour
	maxInviteUse = 100
)

// Invite makes an invitation and the path of its link. What it leaves empty gets its default: one use, a week. If it
// names an e-mail address and the fleet can send letters, the link is sent there too; sent says so.
func (p *People) Invite(ctx context.Context, i Invitation) (made Invitation, path string, sent bool, err error) {
	if s, err := p.Settings(ctx); err != nil {
		return i, "", false, err
	} else if s.SignUp == SignUpClosed && i.Channel == "" {
		return i, "", false, invalid("sign-up is closed: open it to invitations in the settings first")
	}
	if i.Email != "" {
		if i.Email, err = cleanEmail(i.Email); err != nil {
			return i, "", false, err
		}
	}
	if i.Left == 0 {
		i.Left = 1
	}
	if i.Left < 0 || i.Left > maxInviteUse || i.Operator && i.Left > 1 {
		return i, "", false, invalid("uses %d: use 1 to %d, and 1 for an operator", i.Left, maxInviteUse)
	}
	if (i.Channel == "") != (i.Role == "") || i.Role != "" && !i.Role.Valid() {
		return i, "", false, invalid("role %q: use one of %v, together with a channel", i.Role, channel.Roles)
	}
	secret := make([]byte, 24)
	rand.Read(secret)
	sum := sha256.Sum256(secret)
	i.ID, i.Hash, i.Made = newID(), sum[:], p.now().UTC().Truncate(time.Second)
	i.Expires = i.Made.Add(inviteLife)
	if err := bucket.Create(ctx, p.cfg.Docs, invitationPrefix+i.ID, i); err != nil {
		return i, "", false, fmt.Errorf("store an invitation: %w", err)
	}
	path = link("invitation", i.ID+"."+hex.EncodeToString(secret))
	if i.Email != "" && p.cfg.Mail != nil {
		sent = p.write(ctx, i.Email, letterInvitation, letterData{Link: p.absolute(path), Channel: i.Channel, Until: i.Expires}) == nil
	}
	return i, path, sent, nil
}

// Invited returns the invitation of a link, or ErrLink if it does not count any more.
func (p *People) Invited(ctx context.Context, text string) (*Invitation, error) {
	id, secret, _ := strings.Cut(text, ".")
	raw, err := hex.DecodeString(secret)
	if err != nil || !isID(id) {
		return nil, ErrLink
	}
	i, err := bucket.Load[Invitation](ctx, p.cfg.Docs, invitationPrefix+id)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, ErrLink
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if subtle.ConstantTimeCompare(sum[:], i.Hash) != 1 || i.Left < 1 || p.now().After(i.Expires) {
		return nil, ErrLink
	}
	s, err := p.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if s.SignUp == SignUpClosed && i.Channel == "" {
		return nil, ErrLink
	}
	return &i, nil
}

// Accept uses an invitation for an account that is there already. It makes an operator of the account if
// the invitation says so; the channel's role is the caller's to give.
func (p *People) Accept(ctx context.Context, id, text string) (*Invitation, error) {
	i, err := p.Invited(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := p.useInvitation(ctx, i); err != nil {
		return nil, err
	}
	if !i.Operator {
		return i, nil
	}
	if _, err := p.store.update(ctx, id, func(a *Account) error { a.Operator = true; return nil }); err != nil {
		p.returnInvitation(ctx, i)
		return nil, err
	}
	return i, nil
}

// useInvitation counts one use. Two who come at once cannot both have the last one.
func (p *People) useInvitation(ctx context.Context, i *Invitation) error {
	_, err := bucket.Update(ctx, p.cfg.Docs, invitationPrefix+i.ID, func(now *Invitation) error {
		if now.ID == "" || now.Left < 1 {
			return ErrLink
		}
		now.Left--
		return nil
	})
	return err
}

// returnInvitation gives a use back that came to nothing.
func (p *People) returnInvitation(ctx context.Context, i *Invitation) {
	_, err := bucket.Update(context.WithoutCancel(ctx), p.cfg.Docs, invitationPrefix+i.ID, func(now *Invitation) error {
		if now.ID == "" {
			return ErrLink
		}
		now.Left++
		return nil
	})
	if err != nil {
		p.log.Warn("an invitation is used up though nobody came", "invitation", i.ID, "error", err)
	}
}
