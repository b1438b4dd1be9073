package account

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestOwner makes the owner's account on one node while another holds a link too.
func TestOwner(t *testing.T) {
	f := newFleet()
	one, two := f.node(t), f.node(t)
	link, err := two.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := secretOf(link)
	if _, err := one.Setup(t.Context(), old+"x", Profile{Email: email, Password: pass}, here); !errors.Is(err, ErrLink) {
		t.Errorf("a wrong link: %v", err)
	}
	f.pass(25 * time.Hour)
	if _, err := one.Setup(t.Context(), old, Profile{Email: email, Password: pass}, here); !errors.Is(err, ErrLink) {
		t.Errorf("a link of yesterday: %v", err)
	}
	a := owner(t, one)
	if !a.Operator || a.Confirmed.IsZero() || strings.Contains(a.Password, pass) {
		t.Errorf("the owner: %+v", a)
	}
	link, err = two.signer.sign(t.Context(), forSetup, claims{}, setupLife)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Setup(t.Context(), link, Profile{Email: "eve@example.org", Password: pass}, here); !errors.Is(err, ErrOwned) {
		t.Errorf("a second owner: %v", err)
	}
	if _, err := two.ByEmail(t.Context(), "eve@example.org"); !errors.Is(err, ErrNotFound) {
		t.Errorf("who came too late has an account: %v", err)
	}
	if link, err := one.SetupLink(t.Context()); link != "" || err != nil {
		t.Errorf("a setup link while there is an owner: %q %v", link, err)
	}
	if err := one.Delete(t.Context(), a.ID); !errors.Is(err, ErrLast) {
		t.Errorf("delete the owner: %v", err)
	}
}

// TestOwnerRace lets many come with the setup link at once.
func TestOwnerRace(t *testing.T) {
	f := newFleet()
	link, err := f.node(t).SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var made []*Account
	var wg sync.WaitGroup
	for i := range 4 {
		p := f.node(t)
		wg.Go(func() {
			a, err := p.Setup(t.Context(), secretOf(link), Profile{Email: string(rune('a'+i)) + "@example.org", Password: pass}, here)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made = append(made, a)
			} else if !errors.Is(err, ErrOwned) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, _, err := f.node(t).All(t.Context(), "", 0)
	if err != nil || len(made) != 1 || len(all) != 1 || all[0].ID != made[0].ID {
		t.Errorf("%d owners made, %d accounts, %v", len(made), len(all), err)
	}
}

// TestPassOn makes somebody else the owner.
func TestPassOn(t *testing.T) {
	f := newFleet()
	p := f.node(t)
	a := owner(t, p)
	open(t, p)
	b := member(t, p, "bob@example.org")
	if err := p.PassOn(t.Context(), b.ID, b.ID); !errors.Is(err, ErrInvalid) {
		t.Errorf("somebody makes himself the owner: %v", err)
	}
	if now, err := p.Get(t.Context(), b.ID); err != nil || now.Operator {
		t.Errorf("who wanted to be the owner is an operator: %+v, %v", now, err)
	}
	if err := p.PassOn(t.Context(), a.ID, b.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetOperator(t.Context(), b.ID, false); !errors.Is(err, ErrLast) {
		t.Errorf("the owner is no operator: %v", err)
	}
	if _, err := p.SetOperator(t.Context(), a.ID, false); err != nil {
		t.Error(err)
	}
	if err := p.Delete(t.Context(), a.ID); err != nil {
		t.Errorf("delete the owner of before: %v", err)
	}
}
