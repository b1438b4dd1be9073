package account

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// TestTokens lets a program act for somebody.
func TestTokens(t *testing.T) {
	f := newFleet()
	one, two := f.node(t), f.node(t)
	a := owner(t, one)
	made, text, err := one.MakeToken(t.Context(), a.ID, "encoder room", []Scope{ScopeProduce}, time.Hour)
	if err != nil || !strings.HasPrefix(text, "mayfly_") {
		t.Fatalf("%+v %q %v", made, text, err)
	}
	c, err := two.ByToken(t.Context(), text, here)
	if err != nil || c.Account.ID != a.ID || !slices.Equal(c.Scopes, []Scope{ScopeProduce}) || c.Name() != "Ada (encoder room)" {
		t.Fatalf("%+v %v", c, err)
	}
	for _, bad := range []string{"", "mayfly_", text[:len(text)-2] + "00", text + "00", strings.Replace(text, a.ID, newID(), 1), strings.ToUpper(text)} {
		if _, err := two.ByToken(t.Context(), bad, here); !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	f.pass(2 * time.Hour)
	if _, err := two.ByToken(t.Context(), text, here); !errors.Is(err, ErrRefused) {
		t.Errorf("after its life: %v", err)
	}
	if err := one.RevokeToken(t.Context(), a.ID, made.ID); err != nil {
		t.Error(err)
	}
	if err := one.RevokeToken(t.Context(), a.ID, made.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	for range 100 {
		_, err = two.ByToken(t.Context(), tokenMark+newID()+"_00000000_"+strings.Repeat("00", 24), "198.51.100.9")
	}
	if !errors.Is(err, ErrOften) {
		t.Errorf("made-up accounts are not held back: %v", err)
	}
}

// TestRights goes through the whole table of who may do what.
func TestRights(t *testing.T) {
	ch := &channel.Channel{Slug: "news", Members: []channel.Member{{Account: "owner", Role: channel.Owner}, {Account: "producer", Role: channel.Producer}, {Account: "moderator", Role: channel.Moderator}}}
	person := func(id string, scopes ...Scope) *Caller { return &Caller{Account: &Account{ID: id}, Scopes: scopes} }
	operator := &Caller{Account: &Account{ID: "operator", Operator: true}}
	suspended := &Caller{Account: &Account{ID: "owner", Suspended: "spam"}}
	all := []Action{See, Cut, Moderate, Change, Share, Keys, Members, Delete, Create, Operate, Own}
	for _, q := range []struct {
		who string
		c   *Caller
		in  *channel.Channel
		may []Action
	}{
		{"nobody", nil, ch, nil},
		{"root", &Caller{Root: true}, ch, []Action{See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create, Operate}},
		{"operator", operator, ch, all},
		{"owner", person("owner"), ch, []Action{See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create, Own}},
		{"producer", person("producer"), ch, []Action{See, Cut, Moderate, Change, Share, Keys, Create, Own}},
		{"moderator", person("moderator"), ch, []Action{See, Moderate, Create, Own}},
		{"stranger", person("stranger"), ch, []Action{Create, Own}},
		{"suspended owner", suspended, ch, nil},
		{"owner without a channel", person("owner"), nil, []Action{Create, Own}},
		{"owner's token to read", person("owner", ScopeRead), ch, []Action{See}},
		{"owner's token to produce", person("owner", ScopeProduce), ch, []Action{See, Cut, Moderate, Share}},
		{"owner's token to manage", person("owner", ScopeManage), ch, []Action{See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create}},
		{"owner's token to operate", person("owner", ScopeOperate), ch, []Action{See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create}},
		{"moderator's token to manage", person("moderator", ScopeManage), ch, []Action{See, Moderate, Create}},
		{"operator's token to manage", &Caller{Account: operator.Account, Scopes: []Scope{ScopeManage}}, ch, []Action{Create}},
		{"operator's token to operate", &Caller{Account: operator.Account, Scopes: []Scope{ScopeOperate}}, ch, []Action{See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create, Operate}},
		{"a token without scopes", &Caller{Account: operator.Account, Scopes: []Scope{}}, ch, nil},
	} {
		for _, do := range all {
			if got, want := q.c.May(do, q.in), slices.Contains(q.may, do); got != want {
				t.Errorf("%s, action %d: %v, want %v", q.who, do, got, want)
			}
		}
	}
}
