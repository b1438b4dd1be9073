package hls

import (
	"fmt"
	"net/url"
	"strconv"
)

// Skip says whether a client takes a delta update.
type Skip int

// The forms of EXT-X-SKIP that a client may ask for.
const (
	SkipNo  Skip = iota
	SkipYes      // _HLS_skip=YES
	SkipV2       // _HLS_skip=v2: date ranges too, of which there are none
)

// Request is what the query of a media playlist says (RFC 8216bis, 6.2.5).
type Request struct {
	MSN  int64 // wait for this number; -1: do not wait
	Part int   // wait for this part of it; -1: for all of it
	Skip Skip
}

// Blocking reports whether the request waits.
func (r Request) Blocking() bool { return r.MSN >= 0 }

// ParseRequest reads a raw query. Parameters that do not begin with _HLS_ are none of its business.
func ParseRequest(query string) (Request, error) {
	r := Request{MSN: -1, Part: -1}
	if query == "" {
		return r, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return r, fmt.Errorf("query: %w", err)
	}
	number := func(name string, bits int) (int64, error) {
		list := values[name]
		if len(list) == 0 {
			return -1, nil
		}
		n, err := strconv.ParseInt(list[0], 10, bits)
		if err != nil || n < 0 || len(list) > 1 || list[0][0] == '+' {
			return -1, fmt.Errorf("%s=%.20q: want one whole number, 0 or more", name, list[0])
		}
		return n, nil
	}
	if r.MSN, err = number("_HLS_msn", 64); err != nil {
		return Request{MSN: -1, Part: -1}, err
	}
	part, err := number("_HLS_part", 32)
	if err == nil && part >= 0 && r.MSN < 0 {
		err = fmt.Errorf("_HLS_part=%d without _HLS_msn: say of which segment", part)
	}
	if err != nil {
		return Request{MSN: -1, Part: -1}, err
	}
	r.Part = int(part)
	switch v := values.Get("_HLS_skip"); v {
	case "":
	case "YES":
		r.Skip = SkipYes
	case "v2":
		r.Skip = SkipV2
	default:
		return Request{MSN: -1, Part: -1}, fmt.Errorf("_HLS_skip=%.20q: want YES or v2", v)
	}
	return r, nil
}
