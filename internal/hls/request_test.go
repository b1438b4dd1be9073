package hls

import (
	"fmt"
	"net/url"
	"testing"
)

func TestParseRequest(t *testing.T) {
	none := Request{MSN: -1, Part: -1}
	for query, want := range map[string]Request{
		"":                             none,
		"t=abc&_HLSmsn=4":              none,
		"_HLS_msn=0":                   {MSN: 0, Part: -1},
		"_HLS_msn=812&_HLS_part=0":     {MSN: 812, Part: 0},
		"_HLS_part=3&_HLS_msn=812":     {MSN: 812, Part: 3},
		"_HLS_skip=YES":                {MSN: -1, Part: -1, Skip: SkipYes},
		"_HLS_skip=v2&_HLS_msn=4":      {MSN: 4, Part: -1, Skip: SkipV2},
		"_HLS_skip=":                   none,
		"_HLS_future=17":               none,
		"_HLS_msn=9223372036854775807": {MSN: 1<<63 - 1, Part: -1},
	} {
		if got, err := ParseRequest(query); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v, want %+v", query, got, err, want)
		}
	}
	for _, query := range []string{
		"_HLS_part=0", "_HLS_msn=-1", "_HLS_msn=", "_HLS_msn=1.5", "_HLS_msn=%2B1", "_HLS_msn=0x10", "_HLS_msn=1&_HLS_msn=1",
		"_HLS_msn=9223372036854775808", "_HLS_msn=1&_HLS_part=2147483648", "_HLS_msn=1&_HLS_part=-1", "_HLS_skip=yes",
		"_HLS_skip=v3", "_HLS_msn=%zz", "_HLS_msn=1;_HLS_part=0",
	} {
		if got, err := ParseRequest(query); err == nil {
			t.Errorf("%q is read as %+v, want an error", query, got)
		} else if got != none {
			t.Errorf("%q: an error and still %+v", query, got)
		}
	}
}

// FuzzParseRequest: what is accepted says the same when it is written anew, and a part never stands
// without its segment.
func FuzzParseRequest(f *testing.F) {
	for _, q := range []string{"", "_HLS_msn=6", "_HLS_msn=7&_HLS_part=0&_HLS_skip=YES", "_HLS_skip=v2", "_HLS_part=1", "_HLS_msn=-1",
		"_HLS_msn=9223372036854775808", "_HLS_msn=7&_HLS_msn=8", "_HLS_msn=%37", "a;b", "%zz", "_HLS_msn=%2B7"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r, err := ParseRequest(query)
		if err != nil {
			if r != (Request{MSN: -1, Part: -1}) {
				t.Fatalf("%q: an error and still %+v", query, r)
			}
			return
		}
		if r.Part >= 0 && r.MSN < 0 || r.Blocking() != (r.MSN >= 0) || r.MSN < -1 || r.Part < -1 {
			t.Fatalf("%q is read as %+v", query, r)
		}
		if again, err := ParseRequest(queryOf(r)); err != nil || again != r {
			t.Fatalf("%q is read as %+v, and that written anew as %+v, %v", query, r, again, err)
		}
	})
}

// queryOf writes a request as a query.
func queryOf(r Request) string {
	v := url.Values{}
	if r.MSN >= 0 {
		v.Set("_HLS_msn", fmt.Sprint(r.MSN))
	}
	if r.Part >= 0 {
		v.Set("_HLS_part", fmt.Sprint(r.Part))
	}
	if r.Skip != SkipNo {
		v.Set("_HLS_skip", [...]string{SkipYes: "YES", SkipV2: "v2"}[r.Skip])
	}
	return v.Encode()
}
