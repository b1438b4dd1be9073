package main

import (
	"crypto/tls"

	"github.com/mayfly-tv/mayfly/internal/certs"
)

// newCerts returns the configuration of the listeners with TLS, or nil if none has.
func (n *node) newCerts() (*tls.Config, error) {
	switch f := n.flags; {
	case f.TLSCert != "":
		return certs.Files(f.TLSCert, f.TLSKey, n.log)
	case len(f.ACME) > 0:
		n.acme = certs.ACME(n.bucket, f.ACME, certs.Authority{Directory: f.ACMEDirectory, Email: f.ACMEEmail}, n.log)
		return n.acme.TLS(), nil
	}
	return nil, nil
}
