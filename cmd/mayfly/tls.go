package main

import "crypto/tls"

func (n *node) newCerts() (*tls.Config, error) { return nil, nil }
