package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// recording is what the DVR of a channel has after a fault.
type recording struct {
	list     *hlstest.Playlist
	text     string
	pictures map[string][]int // by take, in order
	order    []int            // of all takes
	holes    int              // pictures that are missing inside a take
	unlisted int              // pictures that a viewer was shown and that the DVR does not list any more, at addresses that still answer
	lost     int              // pictures that a viewer was shown and that are gone
	wrong    []string
}

// recorded reads the DVR of a channel that nobody publishes to any more, once all living nodes list the
// same, and compares it with what viewers got.
func (f *fleet) recorded(slug string, film *film, viewers ...*viewer) *recording {
	f.t.Helper()
	r := &recording{pictures: map[string][]int{}, list: &hlstest.Playlist{}}
	var texts []string
	if !eventually(30*time.Second, func() bool {
		texts = texts[:0]
		for _, n := range f.living() {
			if n.state(slug) != "off" {
				return false
			}
			_, body := n.get("/" + slug + "/dvr/main.m3u8")
			texts = append(texts, string(body))
		}
		return len(texts[0]) > 0 && len(slices.Compact(slices.Clone(texts))) == 1
	}) {
		r.wrong = append(r.wrong, fmt.Sprintf("the nodes do not come to one truth about %s:\n%s", slug, tail(diff(texts))))
	}
	if len(texts) == 0 || texts[0] == "" {
		return r
	}
	r.list, _ = hlstest.Parse([]byte(texts[0]))
	for i, s := range r.list.Segments {
		if !s.Gap {
			r.segment(f, i, s, film)
		}
	}
	r.text = texts[0]
	r.compare(f, viewers)
	return r
}

// diff returns the lines in which texts are not alike.
func diff(texts []string) (out string) {
	for i, text := range texts[1:] {
		a, b := strings.Split(texts[0], "\n"), strings.Split(text, "\n")
		at := firstDifference(a, b)
		out += fmt.Sprintf("first and %d: %d and %d lines, the first difference is at %d:\n%q\n%q\n", i+2, len(a), len(b), at,
			a[min(at, len(a)):min(at+6, len(a))], b[min(at, len(b)):min(at+6, len(b))])
	}
	return out
}

// segment fetches a segment from one node after the other.
func (r *recording) segment(f *fleet, i int, s hlstest.Segment, film *film) {
	living := f.living()
	n := living[i%len(living)]
	status, body := n.get(s.URI)
	if status != http.StatusOK {
		r.wrong = append(r.wrong, fmt.Sprintf("number %d, %s, answers %d at %s: %s", s.Number, s.URI, status, n.http, body))
		return
	}
	found, err := film.pictures(body)
	if err != nil {
		r.wrong = append(r.wrong, fmt.Sprintf("%s: %v", s.URI, err))
	}
	if want := int(s.Duration*filmRate + 0.5); len(found) != want {
		r.wrong = append(r.wrong, fmt.Sprintf("number %d, %s at %s: %d pictures in %d bytes, want %d", s.Number, s.URI, n.http, len(found), len(body), want))
	}
	take := takeOf(s.URI)
	entered := i > 0 && s.Discontinuity != r.list.Segments[i-1].Discontinuity // perhaps again, after another source
	for n, picture := range found {
		if list := r.pictures[take]; len(list) > 0 && picture != list[len(list)-1]+1 && !(n == 0 && entered) {
			r.holes += max(1, picture-list[len(list)-1]-1)
			r.wrong = append(r.wrong, fmt.Sprintf("%s: picture %d follows %d", s.URI, picture, list[len(list)-1]))
		}
		r.pictures[take] = append(r.pictures[take], picture)
		r.order = append(r.order, picture)
	}
}

// compare counts what viewers got that is not in the recording.
func (r *recording) compare(f *fleet, viewers []*viewer) {
	looked := map[string]bool{}
	for _, v := range viewers {
		for _, a := range v.has(false) {
			missing := 0
			for _, picture := range a.pictures {
				if !slices.Contains(r.pictures[a.take], picture) {
					missing++
				}
			}
			if missing == 0 || looked[a.uri] {
				continue
			}
			looked[a.uri] = true
			n := f.living()[0]
			if status, _ := n.get(a.uri); status == http.StatusOK {
				r.unlisted += missing
				continue
			} else {
				r.wrong = append(r.wrong, fmt.Sprintf("%s with %d pictures was shown and answers %d now", a.uri, missing, status))
			}
			r.lost += missing
		}
	}
}

// seam returns the program time between the end of the first take and the beginning of the second.
func (r *recording) seam() (seconds float64, ok bool) {
	first, end := "", time.Time{}
	for _, s := range r.list.Segments {
		if s.Gap {
			continue
		}
		if take := takeOf(s.URI); first == "" {
			first = take
		} else if take != first {
			return s.Time.Sub(end).Seconds(), true
		}
		end = s.Time.Add(time.Duration(s.Duration * float64(time.Second)))
	}
	return 0, false
}

// end returns the program time at which the first take ends.
func (r *recording) end() (end time.Time) {
	first := ""
	for _, s := range r.list.Segments {
		if take := takeOf(s.URI); !s.Gap && (first == "" || first == take) {
			first = take
			end = s.Time.Add(time.Duration(s.Duration * float64(time.Second)))
		}
	}
	return end
}

// living returns the nodes whose process runs.
func (f *fleet) living() (list []*node) {
	for _, n := range f.nodes {
		if !n.dead() {
			list = append(list, n)
		}
	}
	return list
}

// dead reports whether the node's process has ended.
func (n *node) dead() bool {
	select {
	case <-n.process.done:
		return true
	default:
		return false
	}
}
