package account

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
)

func realNow() time.Time { return time.Now() }

// TestPasskey adds a passkey, signs in with it and removes it.
func TestPasskey(t *testing.T) {
	f := newFleet()
	f.at = realNow()
	p := f.node(t)
	a := owner(t, p)
	const origin = "https://tv.example.org"
	rp := virtualwebauthn.RelyingParty{Name: "Mayfly", ID: "tv.example.org", Origin: origin}
	phone := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(a.ID)})
	key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	add := func(rp virtualwebauthn.RelyingParty) error {
		t.Helper()
		options, keep, err := p.BeginPasskey(t.Context(), a.ID, origin)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := virtualwebauthn.ParseAttestationOptions(asJSON(t, options))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.AddPasskey(t.Context(), a.ID, origin, keep, "Phone", strings.NewReader(virtualwebauthn.CreateAttestationResponse(rp, phone, key, *asked)))
		return err
	}
	elsewhere := virtualwebauthn.RelyingParty{Name: "Mayfly", ID: "tv.example.com", Origin: "https://tv.example.com"}
	if err := add(elsewhere); !errors.Is(err, ErrInvalid) {
		t.Errorf("a passkey of another site: %v", err)
	}
	if err := add(rp); err != nil {
		t.Fatal(err)
	}
	phone.AddCredential(key)
	signIn := func(rp virtualwebauthn.RelyingParty) (*Account, string, string, error) {
		t.Helper()
		options, keep, err := p.AskPasskey(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := virtualwebauthn.ParseAssertionOptions(asJSON(t, options))
		if err != nil {
			t.Fatal(err)
		}
		answer := virtualwebauthn.CreateAssertionResponse(rp, phone, key, *asked)
		b, err := p.ByPasskey(t.Context(), origin, keep, strings.NewReader(answer), here)
		return b, keep, answer, err
	}
	b, keep, answer, err := signIn(rp)
	if err != nil || b.ID != a.ID {
		t.Fatalf("sign in: %+v %v", b, err)
	}
	if _, _, _, err := signIn(elsewhere); !errors.Is(err, ErrRefused) {
		t.Errorf("an answer to another site: %v", err)
	}
	if _, err := p.ByPasskey(t.Context(), origin, keep, strings.NewReader(strings.Replace(answer, `"signature":"`, `"signature":"AA`, 1)), here); err == nil {
		t.Error("a wrong signature is taken")
	}
	f.pass(time.Hour)
	if _, err := p.ByPasskey(t.Context(), origin, keep, strings.NewReader(answer), here); !errors.Is(err, ErrLink) {
		t.Errorf("an hour later: %v", err)
	}
	if _, err := p.ByPasskey(t.Context(), origin, keep, strings.NewReader("{"), here); err == nil {
		t.Error("half an answer is taken")
	}
	if err := p.RemovePasskey(t.Context(), a.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := signIn(rp); !errors.Is(err, ErrRefused) {
		t.Errorf("a passkey that was removed: %v", err)
	}
	if err := p.RemovePasskey(t.Context(), a.ID, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
