package mesh

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestLoadSecret has many nodes begin at once: all get the same secret.
func TestLoadSecret(t *testing.T) {
	b := bucket.NewMem()
	secrets := make([]Secret, 16)
	var wait sync.WaitGroup
	for i := range secrets {
		wait.Go(func() {
			var err error
			if secrets[i], err = LoadSecret(t.Context(), b); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i, s := range secrets {
		if s != secrets[0] || s == (Secret{}) {
			t.Errorf("node %d got another secret, or none", i)
		}
	}
	if other, err := LoadSecret(t.Context(), bucket.NewMem()); err != nil || other == secrets[0] {
		t.Errorf("another bucket gives the same secret, or %v", err)
	}
	down := bucket.NewFaulty(b, 1, bucket.Faults{Error: 1})
	if _, err := LoadSecret(t.Context(), down); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("without the bucket: %v, want ErrUnavailable", err)
	}
	data, _ := json.Marshal(map[string]any{"s": secrets[0]})
	for _, text := range []string{fmt.Sprint(secrets[0]), fmt.Sprintf("%v %+v %#v %s", secrets[0], secrets[0], secrets[0], secrets[0]), string(data)} {
		if rest := strings.ReplaceAll(text, "(fleet secret)", ""); rest == text || strings.ContainsAny(rest, "0123456789[") {
			t.Errorf("a secret prints as %q", text)
		}
	}
}

// TestLoadSecretLostAnswer loses the answer to the write that made the secret: the next one finds it.
func TestLoadSecretLostAnswer(t *testing.T) {
	b := bucket.NewMem()
	f := bucket.NewFaulty(b, 1, bucket.Faults{Lost: 1})
	if _, err := LoadSecret(t.Context(), f); err == nil {
		t.Fatal("no error although the answer was lost")
	}
	f.Set(bucket.Faults{})
	one, err := LoadSecret(t.Context(), f)
	two, err2 := LoadSecret(t.Context(), f)
	if err != nil || err2 != nil || one != two {
		t.Errorf("afterwards: %v, %v, or two secrets", err, err2)
	}
}

func TestParseSecret(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "cannot be read",
		"{}":                           "version 0",
		`{"version":2,"key":"AAAA"}`:   "upgrade",
		`{"version":1,"key":"AAAA"}`:   "3 bytes, want 32",
		`{"version":1,"key":5}`:        "cannot be read",
		strings.Repeat(" ", 5000):      "5000 bytes",
		`{"version":1,"key":"AAAA"} x`: "cannot be read",
	} {
		if _, err := parseSecret([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseSecret(%.40q) = %v, want %q", text, err, want)
		}
	}
}

func FuzzSecret(f *testing.F) {
	f.Add([]byte(`{"version":1,"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Add([]byte(`{"version":1,"key":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSecret(b); err != nil && s != (Secret{}) {
			t.Error("an error, and a secret")
		}
	})
}

// handshake joins two ends, and returns what each says of the other.
func handshake(t *testing.T, client, server *tls.Config) (clientSays, serverSays error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		done <- tls.Server(c, server).HandshakeContext(ctx)
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	clientSays = tls.Client(c, client).HandshakeContext(ctx)
	if clientSays == nil {
		return nil, <-done
	}
	c.Close()
	return clientSays, <-done
}

func newTestIdentity(t *testing.T, node string, s Secret, now time.Time) *identity {
	t.Helper()
	i, err := newIdentity(node, s)
	if err != nil {
		t.Fatal(err)
	}
	i.now = func() time.Time { return now }
	i.cert = nil
	return i
}

func TestIdentity(t *testing.T) {
	ours, now := NewSecret(), time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	a, b := newTestIdentity(t, "a", ours, now), newTestIdentity(t, "b", ours, now)
	stranger := newTestIdentity(t, "b", NewSecret(), now)
	late := newTestIdentity(t, "a", ours, now.Add(20*time.Hour))
	gone := newTestIdentity(t, "a", ours, now.Add(200*time.Hour))
	trusting := stranger.config("")
	trusting.VerifyConnection = nil
	anonymous := &tls.Config{InsecureSkipVerify: true}
	for _, test := range []struct {
		name           string
		client, server *tls.Config
		want           string // in what one of them says
	}{
		{"two of a fleet", a.config("b"), b.config(""), ""},
		{"any of a fleet", a.config(""), b.config(""), ""},
		{"the wrong node", a.config("c"), b.config(""), "there is node b, not c"},
		{"a server with another secret", a.config("b"), stranger.config(""), errForeign.Error()},
		{"a client with another secret", stranger.config(""), a.config(""), errForeign.Error()},
		{"a client with another secret that trusts all", trusting, a.config(""), errForeign.Error()},
		{"a client without certificate", anonymous, a.config(""), "it shows no certificate"},
		{"old TLS", &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}, a.config(""), "protocol version"},
		{"a clock that is 20 h ahead", late.config("b"), b.config(""), ""},
		{"a clock that is 200 h ahead", gone.config("b"), b.config(""), "set the clocks"},
	} {
		client, server := handshake(t, test.client, test.server)
		said := fmt.Sprint(client, " / ", server)
		if test.want == "" && (client != nil || server != nil) || !strings.Contains(said, test.want) {
			t.Errorf("%s: client and server say %s, want %q", test.name, said, test.want)
		}
	}
}

// TestCertificateRenewal keeps one certificate for a day.
func TestCertificateRenewal(t *testing.T) {
	i := newTestIdentity(t, "a", NewSecret(), time.Now())
	first, _ := i.certificate()
	for after, renewed := range map[time.Duration]bool{time.Hour: false, 23 * time.Hour: false, 25 * time.Hour: true, -48 * time.Hour: true} {
		i.cert, i.made = first, time.Now()
		i.now = func() time.Time { return time.Now().Add(after) }
		if c, err := i.certificate(); err != nil || (c != first) != renewed {
			t.Errorf("%v later: renewed %v, %v, want %v", after, c != first, err, renewed)
		}
	}
}
