package deliver

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestTold reads what players say.
func TestTold(t *testing.T) {
	for list, want := range map[string]Told{
		"":                                   {},
		"bs":                                 {Starved: true},
		`sid="a,b",bs,ltc=1200`:              {Session: "a,b", Starved: true, Latency: 1200 * time.Millisecond},
		`br=3200, bs , bsd=300 ,pr=0`:        {Starved: true, StarvedFor: 300 * time.Millisecond, Paused: true},
		`mayfly-ref="www.Church.org",pr=1`:   {Referrer: "church.org"},
		`mayfly-ref="<b>.org"`:               {},
		`ltc=-5,bsd=999999999999,sid=plain`:  {StarvedFor: maxTold, Session: "plain"},
		`ltc=999999999`:                      {Latency: maxTold},
		`sid="` + strings.Repeat("x", 200):   {},
		strings.Repeat("a,", 50) + "bs":      {},
		`sid="unclosed`:                      {Session: "unclosed"},
		`nor="..%2F300.m4s",sid="x",st=l,,=`: {Session: "x"},
	} {
		r := httptest.NewRequest("GET", "/?CMCD="+url.QueryEscape(list)+"&x=1", nil)
		if got := toldBy(r); got != want {
			t.Errorf("query %.60q: %+v, want %+v", list, got, want)
		}
		r = httptest.NewRequest("GET", "/", nil)
		r.Header.Set("CMCD-Session", list)
		if got := toldBy(r); got != want {
			t.Errorf("header %.60q: %+v, want %+v", list, got, want)
		}
	}
}

// TestReferer takes the host of another site's page alone.
func TestReferer(t *testing.T) {
	for given, want := range map[string]string{
		"https://www.church.org/sunday?who=me": "church.org", "https://tv.example.org/news": "", "": "", "x": "", "https://[::1]/": "", "http://a b/": "",
	} {
		r := httptest.NewRequest("GET", "http://tv.example.org/news/main.m3u8", nil)
		r.Header.Set("Referer", given)
		if got := refererOf(r); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func FuzzTold(f *testing.F) {
	f.Add(`sid="a,b",bs,ltc=1200,mayfly-ref="a.org"`, "CMCD=bs%2Cltc%3D5")
	f.Add(`,,=,"`, "CMCD=%zz")
	f.Fuzz(func(t *testing.T, head, query string) {
		r := &http.Request{Header: http.Header{"Cmcd-Status": {head}, "Referer": {head}}, URL: &url.URL{RawQuery: query}}
		told := toldBy(r)
		if len(told.Session) > maxSession || told.Latency < 0 || told.Latency > maxTold || told.StarvedFor < 0 || told.StarvedFor > maxTold {
			t.Errorf("%+v", told)
		}
		for _, host := range []string{told.Referrer, refererOf(r)} {
			if len(host) > maxHost || strings.ContainsAny(host, `<>"'&=+/ `) {
				t.Errorf("host %q", host)
			}
		}
	})
}
