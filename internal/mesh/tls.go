package mesh

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	// certLife and certBefore bound the certificate of a node, which makes a new one every certRenew.
	// The time before allows for clocks that are a day apart.
	certLife   = 72 * time.Hour
	certBefore = 24 * time.Hour
	certRenew  = 24 * time.Hour

	handshakeTime = 5 * time.Second
)

// errForeign is the reason to refuse somebody who does not know the fleet's secret.
var errForeign = errors.New("it is not of this fleet; all nodes of a fleet use the same bucket")

// identity proves that a node is of its fleet. The secret gives all nodes the same certificate
// authority, and each makes itself certificates with its name.
type identity struct {
	node  string
	key   ed25519.PrivateKey // of the authority
	ca    *x509.Certificate
	roots *x509.CertPool
	now   func() time.Time

	mu   sync.Mutex
	cert *tls.Certificate
	made time.Time
}

func newIdentity(node string, s Secret) (*identity, error) {
	i := &identity{node: node, key: ed25519.NewKeyFromSeed(s.derive("authority", ed25519.SeedSize)), roots: x509.NewCertPool(), now: time.Now}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Mayfly fleet"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.key.Public(), i.key)
	if err != nil {
		return nil, fmt.Errorf("make the fleet's authority: %w", err)
	}
	if i.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("make the fleet's authority: %w", err)
	}
	i.roots.AddCert(i.ca)
	_, err = i.certificate()
	return i, err
}

// certificate returns the node's certificate, a new one if it is a day old or the clock was set.
func (i *identity) certificate() (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	if age := now.Sub(i.made); i.cert != nil && age > -certRenew/2 && age < certRenew {
		return i.cert, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	serial := make([]byte, 16)
	rand.Read(serial)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: i.node},
		NotBefore: now.Add(-certBefore), NotAfter: now.Add(certLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.ca, public, i.key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of node %s: %w", i.node, err)
	}
	i.cert, i.made = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, now
	return i.cert, nil
}

// config is for both sides of a connection; peer is the node that must be at the other end, or empty
// for any node of the fleet. The standard check wants names of hosts, which nodes do not have, so it
// is replaced by verify, which every handshake goes through (resumed ones too).
func (i *identity) config(peer string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		ClientAuth:           tls.RequestClientCert, // verify refuses one without
		InsecureSkipVerify:   true,                  // verify does it
		VerifyConnection:     func(s tls.ConnectionState) error { return i.verify(s, peer) },
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.certificate() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return i.certificate() },
	}
}

// verify says whether the other end holds a certificate that somebody with the fleet's secret made.
func (i *identity) verify(s tls.ConnectionState, peer string) error {
	if len(s.PeerCertificates) == 0 {
		return fmt.Errorf("it shows no certificate: %w", errForeign)
	}
	cert := s.PeerCertificates[0]
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: i.roots, CurrentTime: i.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate of node %.100q counts from %s to %s, and here it is %s: set the clocks",
			cert.Subject.CommonName, cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), i.now().UTC().Format(time.RFC3339))
	case err != nil:
		return fmt.Errorf("certificate of %.100q made with key %s, ours with %s: %w", cert.Subject.CommonName, short(cert.AuthorityKeyId), short(i.ca.SubjectKeyId), errForeign)
	case CheckNode(cert.Subject.CommonName) != nil:
		return fmt.Errorf("its certificate has the name %.100q: %w", cert.Subject.CommonName, errForeign)
	case peer != "" && cert.Subject.CommonName != peer:
		return fmt.Errorf("there is node %s, not %s: %w", cert.Subject.CommonName, peer, ErrUnreachable)
	}
	return nil
}

// short is enough of a public key's hash to tell two apart.
func short(id []byte) string {
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:4])
}

// PeerName returns the name of the node at the other end of a connection that came from a Listener or
// Dial, if the connection says so: over TLS it does, once its handshake is done.
func PeerName(state *tls.ConnectionState) (string, bool) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return "", false
	}
	return state.PeerCertificates[0].Subject.CommonName, true
}
