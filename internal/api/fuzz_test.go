package api

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzLocalPath gives back only addresses that stay on this server.
func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "/studio/news?x=1#y", "//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aX: y", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		base, _ := url.Parse("https://tv.example.org/login")
		to, err := base.Parse(got)
		if err != nil || to.Host != "tv.example.org" || to.Scheme != "https" || strings.ContainsAny(got, "\r\n\\") {
			t.Errorf("%q leads to %v, %v", next, to, err)
		}
	})
}
