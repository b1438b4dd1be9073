package account

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestSessions signs in on one node and is known on another.
func TestSessions(t *testing.T) {
	f := newFleet()
	one, two := f.node(t), f.node(t)
	a := owner(t, one)
	if _, err := two.SignIn(t.Context(), email, "another password", here); !errors.Is(err, ErrRefused) {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := two.SignIn(t.Context(), "nobody@example.org", pass, here); !errors.Is(err, ErrRefused) {
		t.Errorf("no such account: %v", err)
	}
	b, err := two.SignIn(t.Context(), " ada@example.ORG", pass, here)
	if err != nil || b.ID != a.ID {
		t.Fatalf("sign in: %+v %v", b, err)
	}
	text, err := two.NewSession(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	check := func(p *People, what string, want error) Session {
		t.Helper()
		s, err := p.BySession(t.Context(), text)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		return s
	}
	if s := check(one, "on another node", nil); s.Caller.Account.ID != a.ID || s.Renewed != "" {
		t.Errorf("session of %+v, renewed %q", s.Caller, s.Renewed)
	}
	f.bucket.Down(true)
	f.pass(time.Minute)
	check(one, "while the bucket is away", nil)
	f.bucket.Down(false)
	f.pass(25 * time.Hour)
	s := check(one, "the next day", nil)
	if s.Renewed == "" || s.Renewed == text {
		t.Error("a session that is used is not renewed")
	}
	parts := strings.Split(text, ".")
	for what, bad := range map[string]string{
		"nothing": "", "another signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"no signature": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "a link's text": mustSign(t, one, forReset, a.ID),
	} {
		if _, err := one.BySession(t.Context(), bad); !errors.Is(err, ErrLink) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := one.EndSessions(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	check(one, "after all sessions were ended", ErrLink)
	f.pass(fresh)
	check(two, "after all sessions were ended, on another node", ErrLink)
	text = s.Renewed
	check(two, "a renewed one of before", ErrLink)
	text, _ = two.NewSession(t.Context(), must(two.Get(t.Context(), a.ID)))
	check(one, "a new one", nil)
	f.pass(31 * 24 * time.Hour)
	check(one, "a month later", ErrLink)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustSign(t *testing.T, p *People, for_ purpose, id string) string {
	t.Helper()
	c := claims{}
	c.Subject = id
	return must(p.signer.sign(t.Context(), for_, c, time.Hour))
}

// TestKeysRotate lets the signing key grow old: new sessions are signed by a new one, the old ones count on.
func TestKeysRotate(t *testing.T) {
	f := newFleet()
	one, two := f.node(t), f.node(t)
	a := owner(t, one)
	f.pass(keyLife - time.Hour)
	text := must(one.NewSession(t.Context(), a))
	f.pass(2 * time.Hour)
	next := must(two.NewSession(t.Context(), a))
	if head, _, _ := strings.Cut(text, "."); strings.HasPrefix(next, head) {
		t.Error("the key was not changed after its life")
	}
	for _, p := range []*People{one, two} {
		for _, s := range []string{text, next} {
			if _, err := p.BySession(t.Context(), s); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSuspended keeps an account out.
func TestSuspended(t *testing.T) {
	f := newFleet()
	p := f.node(t)
	owner(t, p)
	open(t, p)
	b := member(t, p, "bob@example.org")
	text := must(p.NewSession(t.Context(), b))
	_, token, err := p.MakeToken(t.Context(), b.ID, "script", []Scope{ScopeRead}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Suspend(t.Context(), b.ID, "spam"); err != nil {
		t.Fatal(err)
	}
	_, bySession := p.BySession(t.Context(), text)
	_, byToken := p.ByToken(t.Context(), token, here)
	_, byPassword := p.SignIn(t.Context(), b.Email, pass, here)
	for what, err := range map[string]error{"session": bySession, "token": byToken, "password": byPassword} {
		if !errors.Is(err, ErrSuspended) || !strings.Contains(err.Error(), "spam") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := p.SignIn(t.Context(), b.Email, "not the password", here); !errors.Is(err, ErrRefused) {
		t.Errorf("a wrong password learns that the account is suspended: %v", err)
	}
}

// TestGuessing holds back who tries passwords.
func TestGuessing(t *testing.T) {
	f := newFleet()
	p := f.node(t)
	owner(t, p)
	tries := 0
	for ; tries < 50; tries++ {
		_, err := p.SignIn(t.Context(), email, "not the password", here)
		var often *OftenError
		if errors.As(err, &often) {
			if often.Wait <= 0 || often.Wait > time.Minute {
				t.Errorf("told to wait %v", often.Wait)
			}
			break
		}
	}
	if tries != signInsBoth.burst {
		t.Errorf("%d guesses before they are held back, want %d", tries, signInsBoth.burst)
	}
	if _, err := p.SignIn(t.Context(), email, pass, "198.51.100.7"); err != nil {
		t.Errorf("the owner, from elsewhere: %v", err)
	}
	f.pass(time.Minute)
	if _, err := p.SignIn(t.Context(), email, pass, here); err != nil {
		t.Errorf("the owner, a minute later: %v", err)
	}
}
