package account

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/bucket"
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
