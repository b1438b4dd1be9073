package account

import (
	"errors"
	"testing"
)

// TestLetters goes through what is done with links in letters.
func TestLetters(t *testing.T) {
	f := newFleet()
	p := f.node(t)
	owner(t, p)
	open(t, p)
	b := member(t, p, "bob@example.org")
	if !b.Confirmed.IsZero() {
		t.Error("an address counts as proven that nobody proved")
	}
	confirm := f.post.last(t)
	if b, err := p.Confirm(t.Context(), confirm); err != nil || b.Confirmed.IsZero() {
		t.Errorf("confirm: %+v %v", b, err)
	}
	// A new address counts when its letter was read, and not if somebody else has it.
	if err := p.AskConfirm(t.Context(), b.ID, email); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Confirm(t.Context(), f.post.last(t)); !errors.Is(err, ErrExists) {
		t.Errorf("the owner's address: %v", err)
	}
	if err := p.AskConfirm(t.Context(), b.ID, "robert@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Confirm(t.Context(), f.post.last(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ByEmail(t.Context(), "bob@example.org"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old address still finds an account: %v", err)
	}
	if _, err := p.SignIn(t.Context(), "robert@example.org", pass, here); err != nil {
		t.Errorf("sign in with the new address: %v", err)
	}
	if other := member(t, p, "bob@example.org"); other.ID == b.ID {
		t.Error("the old address is not free")
	}
	// A forgotten password.
	n := len(f.post.letters)
	if err := p.ForgotPassword(t.Context(), "nobody@example.org", here); err != nil {
		t.Errorf("no such account: %v", err)
	}
	p.background.Wait()
	if len(f.post.letters) != n {
		t.Error("a letter to nobody")
	}
	if err := p.ForgotPassword(t.Context(), "Robert@example.org", here); err != nil {
		t.Fatal(err)
	}
	p.background.Wait()
	reset := f.post.last(t)
	old := must(p.NewSession(t.Context(), must(p.Get(t.Context(), b.ID))))
	if _, err := p.Reset(t.Context(), reset, "short", here); !errors.Is(err, ErrInvalid) {
		t.Errorf("a short password: %v", err)
	}
	if _, err := p.Reset(t.Context(), reset, "another four words", here); err != nil {
		t.Fatalf("reset: %v", err)
	}
	if _, err := p.Reset(t.Context(), reset, "yet another four", here); !errors.Is(err, ErrLink) {
		t.Errorf("a link that was used: %v", err)
	}
	if _, err := p.BySession(t.Context(), old); !errors.Is(err, ErrLink) {
		t.Errorf("a session of before the new password: %v", err)
	}
	if _, err := p.SignIn(t.Context(), "robert@example.org", "another four words", here); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if _, err := p.SetPassword(t.Context(), b.ID, "wrong", "the fourth of them", here); !errors.Is(err, ErrInvalid) {
		t.Errorf("a new password without the present one: %v", err)
	}
	if _, err := p.SetPassword(t.Context(), b.ID, "another four words", "the fourth of them", here); err != nil {
		t.Errorf("a new password: %v", err)
	}
	for i := 0; ; i++ {
		if i > lettersFrom.burst {
			t.Fatal("letters are not held back")
		}
		if errors.Is(p.ForgotPassword(t.Context(), "robert@example.org", here), ErrOften) {
			break
		}
	}
	p.background.Wait()
}
