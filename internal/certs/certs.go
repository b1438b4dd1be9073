// Package certs gives TLS its certificates: from files, read again when they change, or by ACME, kept
// in the bucket so that all nodes share them.
package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// lookEvery is how often certificate files are looked at for changes.
const lookEvery = 10 * time.Second

// Files returns a configuration with the certificate in two PEM files. When they change, connections
// made from then on get the new one; if that cannot be read, they get the old one.
func Files(certificate, key string, log *slog.Logger) (*tls.Config, error) {
	f := &files{certificate: certificate, key: key, log: log}
	if err := f.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get}, nil
}

type files struct {
	certificate, key string
	log              *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]time.Time // of the files that current was read from
	looked  time.Time
}

func (f *files) load() error {
	stamp := f.stamps()
	c, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return fmt.Errorf("read the certificate %s and its key %s: %w", f.certificate, f.key, err)
	}
	f.current, f.stamp, f.looked = &c, stamp, time.Now()
	return nil
}

func (f *files) stamps() (stamp [2]time.Time) {
	for i, name := range []string{f.certificate, f.key} {
		if info, err := os.Stat(name); err == nil {
			stamp[i] = info.ModTime()
		}
	}
	return stamp
}

func (f *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) > lookEvery {
		f.looked = time.Now()
		if stamp := f.stamps(); stamp != f.stamp {
			if err := f.load(); err != nil {
				f.log.Warn("the certificate changed and cannot be read; the old one is used", "error", err)
			} else {
				f.log.Info("the certificate was read again")
			}
		}
	}
	return f.current, nil
}

// Manager gets certificates by ACME and renews them. They and the account lie in the bucket.
type Manager struct {
	domains []string
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	log     *slog.Logger
}

// Authority is who gives certificates.
type Authority struct {
	Directory string // URL of its ACME directory; "" for Let's Encrypt
	Email     string // whom it may write to when a certificate is about to end; may be ""
}

// ACME makes a manager for domains. Its authority's terms are agreed to.
func ACME(b bucket.Bucket, domains []string, from Authority, log *slog.Logger) *Manager {
	m := &Manager{domains: slices.Clone(domains), log: log}
	quiet := zap.NewNop()
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil }, Logger: quiet,
	})
	m.config = certmagic.New(cache, certmagic.Config{Storage: NewStorage(b), Logger: quiet, OnEvent: m.heard})
	if from.Directory == "" {
		from.Directory = certmagic.LetsEncryptProductionCA
	}
	m.issuer = certmagic.NewACMEIssuer(m.config, certmagic.ACMEIssuer{CA: from.Directory, Email: from.Email, Agreed: true, Logger: quiet})
	m.config.Issuers = []certmagic.Issuer{m.issuer}
	return m
}

// heard logs what became of a certificate.
func (m *Manager) heard(_ context.Context, event string, data map[string]any) error {
	switch event {
	case "cert_obtained":
		m.log.Info("a certificate was issued", "domain", data["identifier"], "renewal", data["renewal"])
	case "cert_failed":
		m.log.Error("no certificate could be got; it is tried again: can the authority reach this node at the domain, on port 443 or 80?",
			"domain", data["identifier"], "error", data["error"])
	}
	return nil
}

// TLS returns the configuration for listeners. Domains are proven over it (TLS-ALPN-01).
func (m *Manager) TLS() *tls.Config {
	c := m.config.TLSConfig()
	c.NextProtos = append([]string{"h2", "http/1.1"}, c.NextProtos...)
	return c
}

// Challenges answers the authority's HTTP challenges (HTTP-01), and lets next answer the rest.
func (m *Manager) Challenges(next http.Handler) http.Handler {
	return m.issuer.HTTPChallengeHandler(next)
}

// Run gets the certificates and keeps them fresh until ctx ends. What goes wrong is logged and tried
// again, for as long as it takes.
func (m *Manager) Run(ctx context.Context) error {
	if err := m.config.ManageAsync(ctx, m.domains); err != nil {
		return fmt.Errorf("manage certificates for %v: %w", m.domains, err)
	}
	<-ctx.Done()
	return nil
}
