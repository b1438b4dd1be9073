package main

import (
	"fmt"
	"net/netip"

	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// fetchFlags are about addresses that people give and nodes ask.
type fetchFlags struct {
	FetchAllow []netip.Prefix `help:"Private networks that addresses of webhooks, pictures, films and feeds may lead to, beside the public internet; never where clouds tell machines their secrets." placeholder:"CIDR"`
}

func (f *fetchFlags) check() error {
	for _, p := range f.FetchAllow {
		if err := fetch.CheckNetwork(p); err != nil {
			return fmt.Errorf("--fetch-allow: %w", err)
		}
	}
	return nil
}

// fetcher asks what people who work on channels name. What viewers name is asked by one that knows the public internet
// alone: an operator trusts producers with the own network, not everybody.
func (f *fetchFlags) fetcher() *fetch.Fetcher { return fetch.New(f.FetchAllow...) }
