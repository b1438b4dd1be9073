package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// write writes a self-signed certificate for a name.
func write(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func name(t *testing.T, c *tls.Config) string {
	t.Helper()
	got, err := c.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(got.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.Subject.CommonName
}

func TestFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	certificate, key := write(t, dir, "one.example")
	f := &files{certificate: certificate, key: key, log: slog.New(slog.DiscardHandler)}
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{GetCertificate: f.get}
	if got := name(t, c); got != "one.example" {
		t.Errorf("certificate of %q", got)
	}
	write(t, dir, "two.example")
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(certificate, later, later); err != nil {
		t.Fatal(err)
	}
	f.looked = time.Now().Add(-2 * lookEvery)
	if got := name(t, c); got != "two.example" {
		t.Errorf("after a change: certificate of %q", got)
	}
	if err := os.WriteFile(key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.looked = time.Now().Add(-2 * lookEvery)
	if got := name(t, c); got != "two.example" {
		t.Errorf("with a broken key: certificate of %q, want the old one", got)
	}
	if _, err := Files(certificate, key, f.log); err == nil {
		t.Error("Files with a broken key gives no error")
	}
}

func TestStorage(t *testing.T) {
	s := NewStorage(bucket.NewMem())
	ctx := t.Context()
	if _, err := s.Load(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of nothing = %v", err)
	}
	all := []string{"acme/ca/users/default@x/key.json", "certificates/*.example/x.crt", "certificates/a.example/x.crt", "certificates/a.example/x.key"}
	for _, k := range all {
		if err := s.Store(ctx, k, []byte(k)); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Load(ctx, k); err != nil || string(v) != k || !s.Exists(ctx, k) {
			t.Errorf("Load(%q) = %q, %v", k, v, err)
		}
	}
	got, err := s.List(ctx, "certificates", true)
	if slices.Sort(got); err != nil || !slices.Equal(got, all[1:]) {
		t.Errorf("List = %q, %v", got, err)
	}
	got, err = s.List(ctx, "certificates", false)
	if slices.Sort(got); err != nil || !slices.Equal(got, []string{"certificates/*.example", "certificates/a.example"}) {
		t.Errorf("List of one level = %q, %v", got, err)
	}
	if i, err := s.Stat(ctx, "certificates/a.example"); err != nil || i.IsTerminal {
		t.Errorf("Stat of a path = %+v, %v", i, err)
	}
	if err := s.Delete(ctx, "certificates/a.example"); err != nil || s.Exists(ctx, "certificates/a.example/x.key") {
		t.Errorf("Delete = %v, or something is left", err)
	}
}

// TestLock lets two nodes want one lock, and a third find the lock of a node that died.
func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := bucket.NewMem()
		a, b := NewStorage(mem), NewStorage(mem)
		if err := a.Lock(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := b.Lock(short, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second node has the lock too: %v", err)
		}
		if err := a.Unlock(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if err := b.Lock(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		b.locks[bucketKey("locks/x")].cancel() // it dies
		start := time.Now()
		if err := a.Lock(t.Context(), "x"); err != nil || time.Since(start) > lockTime+2*lockPoll {
			t.Errorf("the lock of a dead node: %v after %v", err, time.Since(start))
		}
		if err := a.Unlock(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}
