package account

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

const callback = "https://tv.example.org/login/oidc/callback"

// provide runs a real OpenID provider with two people.
func provide(t *testing.T) (OIDCConfig, *http.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	people := storage.NewUserStore(issuer)
	people.GetUserByID("id2").EmailVerified = false
	storage.RegisterClients(storage.WebClient("mayfly", "secret", callback))
	before := slog.Default() // which the provider replaces
	server.Config.Handler = exampleop.SetupServer(issuer, storage.NewStorage(people), slog.New(slog.NewTextHandler(io.Discard, nil)), false)
	slog.SetDefault(before)
	server.Start()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: server.Client().Transport, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	t.Cleanup(server.Close)
	return OIDCConfig{Issuer: issuer, ClientID: "mayfly", Secret: "secret"}, client
}

// signInThere does at the provider what a person does, and returns what it sends the browser back with.
func signInThere(t *testing.T, client *http.Client, address, user string) url.Values {
	t.Helper()
	page, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	at := page.Request.URL
	answer, err := client.PostForm(at.Scheme+"://"+at.Host+"/login/username", url.Values{
		"username": {user}, "password": {"verysecure"}, "id": {at.Query().Get("authRequestID")},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back, err := answer.Location()
	if err != nil || !strings.HasPrefix(back.String(), callback) {
		t.Fatalf("sent to %v (%s), %v", back, answer.Status, err)
	}
	return back.Query()
}

// TestOIDC signs in at a real provider.
func TestOIDC(t *testing.T) {
	cfg, client := provide(t)
	f := newFleet()
	f.at = realNow() // the provider's clock is the real one
	p := f.node(t, func(c *Config) { c.OIDC = cfg })
	t.Cleanup(p.oidc.client.CloseIdleConnections)
	owner(t, p)
	visit := func(user, invitation, link string) (*Account, string, error) {
		t.Helper()
		address, keep, err := p.Visit(t.Context(), callback, "/studio/news", invitation, link)
		if err != nil {
			t.Fatal(err)
		}
		back := signInThere(t, client, address, user)
		a, _, next, err := p.Return(t.Context(), callback, keep, back.Get("state"), back.Get("code"), here)
		return a, next, err
	}
	const one, two = "test-user@127.0.0.1", "test-user2"
	if _, _, err := visit(one, "", ""); !errors.Is(err, ErrClosed) {
		t.Errorf("a stranger while sign-up needs an invitation: %v", err)
	}
	open(t, p)
	a, next, err := visit(one, "", "")
	if err != nil || next != "/studio/news" || a.Email != "test-user@zitadel.ch" || a.Confirmed.IsZero() || a.Password != "" {
		t.Fatalf("a new account: %+v, on to %q, %v", a, next, err)
	}
	if again, _, err := visit(one, "", ""); err != nil || again.ID != a.ID {
		t.Errorf("the second time: %+v %v", again, err)
	}
	if _, _, err := visit(two, "", ""); !errors.Is(err, ErrInvalid) {
		t.Errorf("an address that nobody vouches for: %v", err)
	}
	b := member(t, p, "bob@example.org")
	if linked, _, err := visit(two, "", b.ID); err != nil || linked.ID != b.ID {
		t.Errorf("added to an account: %+v %v", linked, err)
	}
	if again, _, err := visit(two, "", ""); err != nil || again.ID != b.ID {
		t.Errorf("sign in with what was added: %+v %v", again, err)
	}
	if _, _, err := visit(one, "", b.ID); !errors.Is(err, ErrExists) {
		t.Errorf("an identity of two accounts: %v", err)
	}
	// What the browser kept is of another visit, or the state is somebody else's.
	address, keep, err := p.Visit(t.Context(), callback, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	back := signInThere(t, client, address, one)
	if _, _, _, err := p.Return(t.Context(), callback, keep, "x", back.Get("code"), here); !errors.Is(err, ErrLink) {
		t.Errorf("another state: %v", err)
	}
	_, other, err := p.Visit(t.Context(), callback, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := p.Return(t.Context(), callback, other, back.Get("state"), back.Get("code"), here); !errors.Is(err, ErrLink) {
		t.Errorf("another visit: %v", err)
	}
	if _, _, _, err := p.Return(t.Context(), callback, keep, back.Get("state"), "made-up", here); !errors.Is(err, ErrNoProvider) {
		t.Errorf("a code that is made up: %v", err)
	}
}

// TestNoProvider asks a provider that is not there.
func TestNoProvider(t *testing.T) {
	f := newFleet()
	p := f.node(t, func(c *Config) { c.OIDC = OIDCConfig{Issuer: "http://127.0.0.1:1", ClientID: "x"} })
	if _, _, err := p.Visit(context.Background(), callback, "", "", ""); !errors.Is(err, ErrNoProvider) {
		t.Errorf("%v", err)
	}
	if _, err := NewPeople(Config{OIDC: OIDCConfig{Issuer: "https://id.example.org"}}); err == nil {
		t.Error("a provider without a client id is taken")
	}
}
