package account

import (
	"context"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	resetLife   = time.Hour
	confirmLife = 3 * 24 * time.Hour
	letterTime  = 20 * time.Second
)

// letterData is what letters speak of.
type letterData struct {
	Name, Link, Server, Channel string
	Until                       time.Time
}

// letter is a kind of letter: its subject and its text.
type letter struct{ subject, text *template.Template }

func newLetter(subject, text string) letter {
	return letter{template.Must(template.New("subject").Parse(subject)), template.Must(template.New("text").Parse(text))}
}

var (
	letterConfirm = newLetter("Confirm your address for {{.Server}}", `Hello {{.Name}},

somebody, most likely you, uses this e-mail address at {{.Server}}. If it was you, open this link:

{{.Link}}

It counts until {{.Until.UTC.Format "2 January 2006, 15:04 MST"}}. If it was not you, do nothing.
`)
	letterReset = newLetter("A new password for {{.Server}}", `Hello {{.Name}},

with this link you choose a new password at {{.Server}}:

{{.Link}}

It counts once, for an hour. If you did not ask for it, do nothing: your password stays as it is.
`)
	letterInvitation = newLetter("You are invited to {{if .Channel}}the channel {{.Channel}}{{else}}{{.Server}}{{end}}", `Hello,

you are invited to {{if .Channel}}work on the channel “{{.Channel}}” at {{end}}{{.Server}}. Open this link to accept:

{{.Link}}

It counts until {{.Until.UTC.Format "2 January 2006, 15:04 MST"}}.
`)
)

// write sends a letter.
func (p *People) write(ctx context.Context, to string, l letter, d letterData) error {
	d.Server = p.serverName()
	var subject, text strings.Builder
	if err := l.subject.Execute(&subject, d); err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	if err := l.text.Execute(&text, d); err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, letterTime)
	defer cancel()
	if err := p.cfg.Mail.Send(ctx, to, subject.String(), text.String()); err != nil {
		p.log.Warn("a letter could not be sent", "subject", subject.String(), "error", err)
		return err
	}
	return nil
}

// serverName is what letters call the fleet.
func (p *People) serverName() string {
	_, host, _ := strings.Cut(p.cfg.Public(), "://")
	return strings.TrimSuffix(host, "/")
}

// CanWrite reports whether the fleet can send letters.
func (p *People) CanWrite() bool { return p.cfg.Mail != nil }

// welcome asks a new account to confirm its address, if that can be asked.
func (p *People) welcome(ctx context.Context, a *Account) {
	if p.cfg.Mail == nil || !a.Confirmed.IsZero() {
		return
	}
	if err := p.sendConfirm(ctx, a, a.Email); err != nil {
		p.log.Warn("a new account was not asked to confirm its address; it can ask for another letter", "account", a.ID, "error", err)
	}
}

// AskConfirm sends the letter that confirms an address: the account's own, or one that it changes to.
func (p *People) AskConfirm(ctx context.Context, id, email string) error {
	a, err := p.store.get(ctx, id)
	if err != nil {
		return err
	}
	if email == "" {
		email = a.Email
	}
	if email, err = cleanEmail(email); err != nil {
		return err
	}
	if p.cfg.Mail == nil {
		return invalid("this server cannot send letters: ask whoever runs it")
	}
	if err := p.limits.take(lettersTo, fold(email)); err != nil {
		return err
	}
	return p.sendConfirm(ctx, a, email)
}

func (p *People) sendConfirm(ctx context.Context, a *Account, email string) error {
	text, err := p.signer.sign(ctx, forConfirm, claims{RegisteredClaims: jwt.RegisteredClaims{Subject: a.ID}, Epoch: a.Epoch, Data: email}, confirmLife)
	if err != nil {
		return err
	}
	return p.write(ctx, email, letterConfirm, letterData{Name: a.Name, Link: p.absolute(link("confirm", text)), Until: p.now().Add(confirmLife)})
}

// Confirm proves the address that a letter went to, and makes it the account's.
func (p *People) Confirm(ctx context.Context, text string) (*Account, error) {
	c, err := p.signer.verify(ctx, forConfirm, text)
	if err != nil {
		return nil, err
	}
	return p.setEmail(ctx, c.Subject, c.Data, true, &c.Epoch)
}

// SetEmail changes the address of an account without a letter: an operator vouches for it (proven), or the fleet
// cannot send letters, and then nothing shows that it is the person's.
func (p *People) SetEmail(ctx context.Context, id, email string, proven bool) (*Account, error) {
	email, err := cleanEmail(email)
	if err != nil {
		return nil, err
	}
	return p.setEmail(ctx, id, email, proven, nil)
}

// setEmail makes an address an account's: first the account says that it is its own, then the name
// is claimed; if somebody else has it, the account goes back to its old one.
func (p *People) setEmail(ctx context.Context, id, email string, proven bool, epoch *int) (*Account, error) {
	var old Account
	a, err := p.store.update(ctx, id, func(a *Account) error {
		if epoch != nil && a.Epoch != *epoch {
			return ErrLink
		}
		old = *a
		if proven {
			a.Confirmed = p.now().UTC().Truncate(time.Second)
		} else if a.Email != email {
			a.Confirmed = time.Time{}
		}
		a.Email = email
		return nil
	})
	if isNone(err) {
		return nil, ErrLink
	}
	if err != nil || emailName(old.Email) == emailName(email) {
		return a, err
	}
	if err := p.store.claim(ctx, emailName(email), id); err != nil {
		_, undo := p.store.update(context.WithoutCancel(ctx), id, func(a *Account) error {
			if a.Email == email {
				a.Email, a.Confirmed = old.Email, old.Confirmed
			}
			return nil
		})
		if undo != nil {
			p.log.Warn("an account names an address that is not its own", "account", id, "error", undo)
		}
		return nil, err
	}
	if err := p.store.release(ctx, emailName(old.Email), id); err != nil {
		p.log.Warn("an account's old address is still noted; it is free all the same", "account", id, "error", err)
	}
	return a, nil
}

// ForgotPassword sends a letter with a link for a new password, if there is such an account. Whoever
// asks cannot tell whether there is, neither by the answer nor by its time.
func (p *People) ForgotPassword(ctx context.Context, email, from string) error {
	if err := p.limits.take(lettersFrom, from); err != nil {
		return err
	}
	if p.cfg.Mail == nil {
		return invalid("this server cannot send letters: ask whoever runs it for a link")
	}
	if p.limits.take(lettersTo, fold(email)) != nil {
		return nil // the letters of before are on their way
	}
	ctx = context.WithoutCancel(ctx)
	p.background.Go(func() {
		a, err := p.store.find(ctx, emailName(email))
		if err != nil || a.Suspended != "" {
			return
		}
		path, err := p.resetLink(ctx, a)
		if err != nil {
			p.log.Warn("a link for a new password could not be made", "error", err)
			return
		}
		p.write(ctx, a.Email, letterReset, letterData{Name: a.Name, Link: p.absolute(path)}) // which logs why it failed
	})
	return nil
}

// ResetLink makes the path of a link with which the account's password can be set once, for an operator to hand over.
func (p *People) ResetLink(ctx context.Context, id string) (string, error) {
	a, err := p.store.get(ctx, id)
	if err != nil {
		return "", err
	}
	return p.resetLink(ctx, a)
}

func (p *People) resetLink(ctx context.Context, a *Account) (string, error) {
	text, err := p.signer.sign(ctx, forReset, claims{RegisteredClaims: jwt.RegisteredClaims{Subject: a.ID}, Epoch: a.Epoch}, resetLife)
	if err != nil {
		return "", err
	}
	return link("password", text), nil
}

// Reset sets the password of the account that a link was made for. The link counts once, because a new
// password begins a new epoch.
func (p *People) Reset(ctx context.Context, text, password, from string) (*Account, error) {
	if err := p.limits.take(linkTries, from); err != nil {
		return nil, err
	}
	c, err := p.signer.verify(ctx, forReset, text)
	if err != nil {
		return nil, err
	}
	a, err := p.store.get(ctx, c.Subject)
	if isNone(err) || err == nil && a.Epoch != c.Epoch {
		return nil, ErrLink
	}
	if err != nil {
		return nil, err
	}
	if _, err := admitted(a); err != nil {
		return nil, err
	}
	return p.setPassword(ctx, a, c.Epoch, password)
}
