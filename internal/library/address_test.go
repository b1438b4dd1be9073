package library

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// told answers for addresses as a test says.
type told func(most int64) (io.Reader, error)

func (t told) Get(_ context.Context, _ string, most int64) (*http.Response, error) {
	r, err := t(most)
	if err != nil {
		return nil, err
	}
	return &http.Response{Body: io.NopCloser(r)}, nil
}

func TestFromAddress(t *testing.T) {
	photo, err := os.ReadFile(makeFile(t, "a.jpg", join("-f lavfi -i color=red:s=64x64 -frames:v 1")...))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, words string
		answer      told
	}{
		{"there", "", func(int64) (io.Reader, error) { return strings.NewReader(string(photo)), nil }},
		{"not there", "answers 404", func(int64) (io.Reader, error) { return nil, &fetch.StatusError{Status: 404} }},
		{"too large", "room for", func(int64) (io.Reader, error) { return nil, fetch.ErrTooLarge }},
		{"private", "not one of the public internet", func(int64) (io.Reader, error) { return nil, fetch.ErrAddress }},
		{"a page", "no video, sound or picture", func(int64) (io.Reader, error) {
			return strings.NewReader("<html>" + strings.Repeat("words ", 100)), nil
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLibrary(t, bucket.NewMem(), "a", nil)
			l.fetcher = tc.answer
			c, err := l.AddFrom(t.Context(), someChannel, "https://example.org/films/My_photo.jpg?x=1", Arrival{Origin: Origin{Seconds: 2}})
			if err != nil || c.Title != "My photo" {
				t.Fatalf("%q, %v", c.Title, err)
			}
			if err := l.work(t.Context()); err != nil {
				t.Fatal(err)
			}
			c, err = l.Clip(t.Context(), someChannel, c.ID)
			if want := map[bool]State{true: Ready, false: Failed}[tc.words == ""]; err != nil || c.State != want || !strings.Contains(c.Fault, tc.words) {
				t.Errorf("it is %s: %q, %v", c.State, c.Fault, err)
			}
		})
	}
}
