package account

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

func TestMain(m *testing.M) {
	hashing.Memory, hashing.Iterations = 64, 1 // what the real cost is like, TestHashing says

	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/maypok86/otter/v2.(*cache[...]).periodicCleanUp"))
}

const (
	email = "Ada@Example.org"
	pass  = "four words do well"
	here  = "192.0.2.1"
)

// post takes the letters of a test.
type post struct {
	mu      sync.Mutex
	letters []string
	err     error
}

func (p *post) Send(_ context.Context, to, subject, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, to+"\n"+subject+"\n"+text)
	return p.err
}

// last returns what stands behind # in the newest letter.
func (p *post) last(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.letters) == 0 {
		t.Fatal("there is no letter")
	}
	return secretOf(p.letters[len(p.letters)-1])
}

// secretOf returns what stands behind # in a text with a link.
func secretOf(text string) string {
	_, secret, _ := strings.Cut(text, "#")
	return strings.Fields(secret + " .")[0]
}

// fleet is a bucket with a clock that tests set.
type fleet struct {
	bucket *bucket.Faulty
	mu     sync.Mutex
	at     time.Time
	post   post
}

func newFleet() *fleet {
	return &fleet{bucket: bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{}), at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
}

func (f *fleet) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *fleet) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.at.Add(d)
}

// node returns the people of the fleet as one node serves them.
func (f *fleet) node(t *testing.T, change ...func(*Config)) *People {
	t.Helper()
	cfg := Config{
		Docs: bucket.NewDocuments(f.bucket), Mail: &f.post, Public: func() string { return "https://tv.example.org" },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: f.now,
	}
	for _, c := range change {
		c(&cfg)
	}
	p, err := NewPeople(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// owner makes the owner's account.
func owner(t *testing.T, p *People) *Account {
	t.Helper()
	link, err := p.SetupLink(t.Context())
	if err != nil || !strings.HasPrefix(link, "https://tv.example.org/login/setup#") {
		t.Fatalf("setup link %q, %v", link, err)
	}
	a, err := p.Setup(t.Context(), secretOf(link), Profile{Email: email, Name: "Ada", Password: pass}, here)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// open lets anybody sign up.
func open(t *testing.T, p *People) {
	t.Helper()
	if _, err := p.ChangeSettings(t.Context(), func(s *Settings) { s.SignUp = SignUpOpen }); err != nil {
		t.Fatal(err)
	}
}

func member(t *testing.T, p *People, email string) *Account {
	t.Helper()
	a, _, err := p.SignUp(t.Context(), Profile{Email: email, Password: pass}, "", email)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// cost is what a password costs before TestMain makes it cheap.
var cost = *hashing

// TestHashing keeps the cost of a password at what OWASP asks for at least, and the hash says it.
func TestHashing(t *testing.T) {
	if cost.Memory < 19*1024 || cost.Iterations < 2 || cost.SaltLength < 16 || cost.KeyLength < 32 {
		t.Errorf("a password costs %+v", cost)
	}
	hash, err := argon2id.CreateHash(pass, &cost)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s, %v", hash, err)
	}
}

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

// TestSignUp goes through who may make an account.
func TestSignUp(t *testing.T) {
	f := newFleet()
	p := f.node(t)
	owner(t, p)
	try := func(email, password, invitation string) error {
		_, _, err := p.SignUp(t.Context(), Profile{Email: email, Password: password}, invitation, email)
		return err
	}
	if err := try("bob@example.org", pass, ""); !errors.Is(err, ErrClosed) {
		t.Errorf("without an invitation: %v", err)
	}
	i, link, sent, err := p.Invite(t.Context(), Invitation{Email: "bob@example.org"})
	if err != nil || !sent || f.post.last(t) != secretOf(link) || i.Left != 1 {
		t.Fatalf("invite: %+v %q %v %v", i, link, sent, err)
	}
	if err := try("bob@example.org", "short", secretOf(link)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a short password: %v", err)
	}
	if err := try(email, pass, secretOf(link)); !errors.Is(err, ErrExists) {
		t.Errorf("the owner's address: %v", err)
	}
	if err := try("bob@example.org", pass, secretOf(link)); err != nil {
		t.Fatalf("with an invitation that failed before: %v", err)
	}
	if b, err := p.ByEmail(t.Context(), "BOB@example.org"); err != nil || b.Confirmed.IsZero() || b.Operator {
		t.Errorf("who was invited by letter: %+v %v", b, err)
	}
	if err := try("carol@example.org", pass, secretOf(link)); !errors.Is(err, ErrLink) {
		t.Errorf("an invitation that was used: %v", err)
	}
	_, link, _, err = p.Invite(t.Context(), Invitation{})
	if err != nil {
		t.Fatal(err)
	}
	f.pass(8 * 24 * time.Hour)
	if err := try("carol@example.org", pass, secretOf(link)); !errors.Is(err, ErrLink) {
		t.Errorf("an invitation of last week: %v", err)
	}
	open(t, p)
	for _, bad := range []struct{ email, password string }{
		{"nobody", pass}, {"a@b@c", pass}, {"A <a@example.org>", pass}, {"", pass}, {strings.Repeat("a", 300) + "@example.org", pass},
		{"dave@example.org", "dave@example.org1"}, {"dave@example.org", "aaaaaaaaaaaaaa"}, {"dave@example.org", "1234567890"}, {"dave@example.org", strings.Repeat("ab1cd", 60)},
	} {
		if err := try(bad.email, bad.password, ""); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q with %q: %v", bad.email, bad.password, err)
		}
	}
	if err := try("dave@example.org", pass, ""); err != nil {
		t.Errorf("open sign-up: %v", err)
	}
	if _, err := p.ChangeSettings(t.Context(), func(s *Settings) { s.SignUp = "everybody" }); !errors.Is(err, ErrInvalid) {
		t.Errorf("a setting that is none: %v", err)
	}
}

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
	all := []Action{See, Cut, Moderate, Change, Keys, Members, Delete, Create, Operate, Own}
	for _, q := range []struct {
		who string
		c   *Caller
		in  *channel.Channel
		may []Action
	}{
		{"nobody", nil, ch, nil},
		{"root", &Caller{Root: true}, ch, []Action{See, Cut, Moderate, Change, Keys, Members, Delete, Create, Operate}},
		{"operator", operator, ch, all},
		{"owner", person("owner"), ch, []Action{See, Cut, Moderate, Change, Keys, Members, Delete, Create, Own}},
		{"producer", person("producer"), ch, []Action{See, Cut, Moderate, Change, Keys, Create, Own}},
		{"moderator", person("moderator"), ch, []Action{See, Moderate, Create, Own}},
		{"stranger", person("stranger"), ch, []Action{Create, Own}},
		{"suspended owner", suspended, ch, nil},
		{"owner without a channel", person("owner"), nil, []Action{Create, Own}},
		{"owner's token to read", person("owner", ScopeRead), ch, []Action{See}},
		{"owner's token to produce", person("owner", ScopeProduce), ch, []Action{See, Cut, Moderate}},
		{"owner's token to manage", person("owner", ScopeManage), ch, []Action{See, Cut, Moderate, Change, Keys, Members, Delete, Create}},
		{"owner's token to operate", person("owner", ScopeOperate), ch, []Action{See, Cut, Moderate, Change, Keys, Members, Delete, Create}},
		{"moderator's token to manage", person("moderator", ScopeManage), ch, []Action{See, Moderate, Create}},
		{"operator's token to manage", &Caller{Account: operator.Account, Scopes: []Scope{ScopeManage}}, ch, []Action{Create}},
		{"operator's token to operate", &Caller{Account: operator.Account, Scopes: []Scope{ScopeOperate}}, ch, []Action{See, Cut, Moderate, Change, Keys, Members, Delete, Create, Operate}},
		{"a token without scopes", &Caller{Account: operator.Account, Scopes: []Scope{}}, ch, nil},
	} {
		for _, do := range all {
			if got, want := q.c.May(do, q.in), slices.Contains(q.may, do); got != want {
				t.Errorf("%s, action %d: %v, want %v", q.who, do, got, want)
			}
		}
	}
}

// TestDelete ends an account and gives its address back.
func TestDelete(t *testing.T) {
	f := newFleet()
	p, other := f.node(t), f.node(t)
	owner(t, p)
	open(t, p)
	b := member(t, p, "bob@example.org")
	text := must(p.NewSession(t.Context(), b))
	if err := p.Delete(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), b.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := other.BySession(t.Context(), text); !errors.Is(err, ErrLink) {
		t.Errorf("a session of a deleted account: %v", err)
	}
	if again := member(t, other, "Bob@example.org"); again.ID == b.ID {
		t.Error("the same account came back")
	}
	object, err := f.bucket.Get(t.Context(), accountPrefix+b.ID)
	if err != nil || strings.Contains(strings.ToLower(string(object.Data)), "bob") || strings.Contains(string(object.Data), "argon2") {
		t.Errorf("what is kept of a deleted account: %s %v", object.Data, err)
	}
}

// TestSameAddress lets two make accounts with one address at once.
func TestSameAddress(t *testing.T) {
	f := newFleet()
	p := f.node(t)
	owner(t, p)
	open(t, p)
	var wg sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		q := f.node(t)
		wg.Go(func() {
			_, _, results[i] = q.SignUp(t.Context(), Profile{Email: "bob@example.org", Password: pass}, "", here)
		})
	}
	wg.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
		} else if !errors.Is(err, ErrExists) {
			t.Error(err)
		}
	}
	all, _, err := p.All(t.Context(), "", 0)
	if made != 1 || len(all) != 2 || err != nil {
		t.Errorf("%d made, %d accounts with the owner, %v", made, len(all), err)
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

// TestTrail writes more than one page and reads them all.
func TestTrail(t *testing.T) {
	f := newFleet()
	trail := NewTrail(bucket.NewDocuments(f.bucket), f.now)
	who := &Caller{Account: &Account{ID: "a", Name: "Ada"}}
	const n = 3*trailPage + 7
	for range n {
		f.pass(time.Second)
		if err := trail.Add(t.Context(), "c1", who, "channel.change", strings.Repeat("ä", maxDetail)); err != nil {
			t.Fatal(err)
		}
	}
	var all []Entry
	for before := int64(0); ; before = all[len(all)-1].Number {
		page, err := trail.Read(t.Context(), "c1", before)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if all = append(all, page...); len(all) > n {
			break
		}
	}
	for i, e := range all {
		if e.Number != int64(n-i) || e.Name != "Ada" || !strings.HasSuffix(e.Detail, "ä…") {
			t.Fatalf("entry %d: %+v", i, e)
		}
	}
	if len(all) != n {
		t.Errorf("%d entries read of %d", len(all), n)
	}
	if page, err := trail.Read(t.Context(), "other", 0); len(page) != 0 || err != nil {
		t.Errorf("a trail that is not there: %v %v", page, err)
	}
}
