package account

import (
	"errors"
	"strings"
	"testing"
)

// FuzzProof reads whatever a stranger may show as a token, a session, or the secret of a link: none of it counts.
func FuzzProof(f *testing.F) {
	fl := newFleet()
	var p *People
	f.Add("mayfly_0123456789abcdef01234567_01234567_" + strings.Repeat("00", 24))
	f.Add("eyJhbGciOiJub25lIn0.eyJhdWQiOlsic2Vzc2lvbiJdfQ.")
	f.Add("eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.e30.AAAA")
	f.Add("0123456789abcdef01234567." + strings.Repeat("00", 24))
	f.Fuzz(func(t *testing.T, text string) {
		if p == nil {
			p = fl.node(t)
		}
		ctx := t.Context()
		if c, err := p.ByToken(ctx, text, text); err == nil {
			t.Errorf("a token: %+v", c)
		}
		if s, err := p.BySession(ctx, text); !errors.Is(err, ErrLink) {
			t.Errorf("a session: %+v %v", s, err)
		}
		if i, err := p.Invited(ctx, text); !errors.Is(err, ErrLink) {
			t.Errorf("an invitation: %+v %v", i, err)
		}
		if err := p.CheckSetup(ctx, text); !errors.Is(err, ErrLink) {
			t.Errorf("a setup link: %v", err)
		}
		if a, err := p.Confirm(ctx, text); !errors.Is(err, ErrLink) {
			t.Errorf("a confirmation: %+v %v", a, err)
		}
	})
}

// FuzzProfile reads whatever somebody may give as address, name and password. What is taken is as it was given, but
// for blanks, and cannot break a letter's head.
func FuzzProfile(f *testing.F) {
	f.Add("ada@example.org", "Ada", "four words do well")
	f.Add("a@b\r\nBcc: c@d", "x\x00y", "")
	f.Fuzz(func(t *testing.T, email, name, password string) {
		if clean, err := cleanEmail(email); err == nil && (clean != strings.TrimSpace(email) || strings.ContainsAny(clean, "\r\n\x00") || len(clean) > maxEmail) {
			t.Errorf("address %q is taken as %q", email, clean)
		}
		if clean, err := cleanName(name, email); err == nil && (strings.ContainsAny(clean, "\r\n\x00") || len(clean) > 4*maxName) {
			t.Errorf("name %q is taken as %q", name, clean)
		}
		if checkPassword(password, email, name) == nil && (len(password) < minPassword || len(password) > maxPassword) {
			t.Errorf("password %q is taken", password)
		}
	})
}
