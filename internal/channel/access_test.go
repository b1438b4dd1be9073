package channel

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestOlderDocument reads what a version without a visibility wrote.
func TestOlderDocument(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		for slug, listed := range map[string]bool{"open": true, "hidden": false} {
			old := map[string]any{
				"id": "0123456789abcdef", "slug": slug, "title": "Old", "created": time.Now(), "autoLive": true, "dvrWindow": 7200, "listed": listed,
				"sources": []map[string]any{{"id": "s1", "name": "Encoder", "streamKey": slug + "-key-0123456789", "backupStreamKey": slug + "-backup-0123456789"}},
			}
			if err := bucket.Create(t.Context(), s.docs, prefix+slug, old); err != nil {
				t.Fatal(err)
			}
			if err := s.Look(t.Context(), slug); err != nil {
				t.Fatal(err)
			}
			want := map[bool]Visibility{true: Listed, false: Unlisted}[listed]
			if c, err := s.Get(slug); err != nil || c.Visibility != want || !c.Open() || c.Listed != listed {
				t.Errorf("%s: %+v, %v", slug, c, err)
			}
			c, err := s.Update(t.Context(), slug, func(c *Channel) error { c.Title = "New"; return nil })
			if err != nil || c.Visibility != want || c.Sources[0].StreamKey != slug+"-key-0123456789" {
				t.Errorf("changed: %+v, %v", c, err)
			}
		}
		if !s.AllOpen() {
			t.Error("not all are open")
		}
	})
}

// TestNewerDocument changes what a later version wrote, and leaves what this one does not know.
func TestNewerDocument(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		made, err := s.Create(t.Context(), Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		type later = map[string]any
		if _, err := bucket.Update(t.Context(), s.docs, prefix+"news", func(c *later) error {
			(*c)["hologram"] = later{"depth": 3}
			(*c)["sources"].([]any)[0].(later)["lens"] = "wide"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Update(t.Context(), "news", func(c *Channel) error { c.Title = "Two"; c.AddSource("Second"); return nil }); err != nil {
			t.Fatal(err)
		}
		got, err := bucket.Load[later](t.Context(), s.docs, prefix+"news")
		text, _ := json.Marshal(got)
		if err != nil || !strings.Contains(string(text), `"hologram":{"depth":3}`) || !strings.Contains(string(text), `"lens":"wide"`) || got["title"] != "Two" || got["id"] != made.ID {
			t.Errorf("it is %s, %v", text, err)
		}
	})
}

// TestByID knows a channel by its id for as long as it is there, and whether all are open.
func TestByID(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		c, err := s.Create(t.Context(), Channel{Slug: "news", Access: Access{Visibility: Private}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.ByID(c.ID); err != nil || got.Slug != "news" || s.AllOpen() {
			t.Errorf("%+v, %v, all open %v", got, err, s.AllOpen())
		}
		if _, err := s.Update(t.Context(), "news", func(c *Channel) error { c.Visibility = Unlisted; return nil }); err != nil || !s.AllOpen() {
			t.Errorf("opened: %v, all open %v", err, s.AllOpen())
		}
		if _, err := s.Update(t.Context(), "news", func(c *Channel) error { c.Suspended = "spam"; return nil }); err != nil || s.AllOpen() {
			t.Errorf("suspended: %v, all open %v", err, s.AllOpen())
		}
		if err := remove(t, s, "news"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ByID(c.ID); !errors.Is(err, ErrNotFound) || !s.AllOpen() {
			t.Errorf("deleted: %v, all open %v", err, s.AllOpen())
		}
	})
}

func TestLinks(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var a Access
	hour, err := a.AddLink("The bishop", "ada", time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	ever, err := a.AddLink("The hall", "ada", 0, now)
	if err != nil || hour.Secret == ever.Secret {
		t.Fatalf("%+v, %v", ever, err)
	}
	if l := a.ByLink(hour.Secret, now); l == nil || l.ID != hour.ID {
		t.Errorf("ByLink = %+v", l)
	}
	for _, bad := range []string{"", hour.ID, hour.Secret + "x", strings.ToUpper(hour.Secret)} {
		if l := a.ByLink(bad, now); l != nil {
			t.Errorf("%q opens %+v", bad, l)
		}
	}
	later := now.Add(time.Hour)
	if a.ByLink(hour.Secret, later) != nil || a.ByLink(ever.Secret, later.AddDate(10, 0, 0)) == nil {
		t.Error("a link counts too long, or not long enough")
	}
	for len(a.Links) < maxLinks {
		if _, err := a.AddLink("More", "", time.Hour, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.AddLink("Too many", "", time.Hour, now); !errors.Is(err, ErrInvalid) {
		t.Errorf("too many: %v", err)
	}
	if _, err := a.AddLink("One that ended gives its place", "", time.Hour, later); err != nil || len(a.Links) != 2 {
		t.Errorf("%d links, %v", len(a.Links), err)
	}
	if _, err := a.RevokeLink(ever.ID); err != nil || a.ByLink(ever.Secret, now) != nil {
		t.Errorf("revoked: %v", err)
	}
}

func TestTidyTag(t *testing.T) {
	for given, want := range map[string]string{
		"News": "news", " #Local  News ": "local-news", "a_b-c": "a-b-c", "Cafe\u0301": "café", "日本": "日本", "#": "", "2026": "2026",
	} {
		if got, err := tidyTag(given); err != nil || got != want {
			t.Errorf("%q becomes %q, %v, want %q", given, got, err, want)
		}
	}
	for _, bad := range []string{"a&b", "<b>", "a/b", "x\x00y", strings.Repeat("x", 31), "\xff"} {
		if got, err := tidyTag(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q becomes %q, %v", bad, got, err)
		}
	}
}

func FuzzProfile(f *testing.F) {
	f.Add("en", "news", "#ffffff")
	f.Add("zh-Hant-TW", "a b\tc", "#0B7285")
	f.Fuzz(func(t *testing.T, lang, tag, accent string) {
		p := Profile{Language: lang, Tags: []string{tag}, Accent: accent}
		if p.tidy() != nil || p.validate() != nil {
			return
		}
		again := p
		again.Tags = slices.Clone(p.Tags)
		if err := again.tidy(); err != nil || again.Language != p.Language || !slices.Equal(again.Tags, p.Tags) || again.Accent != p.Accent {
			t.Errorf("%+v becomes %+v, %v", p, again, err)
		}
		if strings.ContainsAny(p.Language+strings.Join(p.Tags, "")+p.Accent, "<>\"'& ") {
			t.Errorf("kept %+v", p)
		}
	})
}

// TestPagesKnowCategories compares the list of the pages with this one.
func TestPagesKnowCategories(t *testing.T) {
	text, err := os.ReadFile("../../web/src/categories.ts")
	if err != nil {
		t.Fatal(err)
	}
	var got []Category
	for _, m := range regexp.MustCompile(`\['([a-z]+)', '([^']+)'\]`).FindAllStringSubmatch(string(text), -1) {
		got = append(got, Category{m[1], m[2]})
	}
	if !slices.Equal(got, Categories) {
		t.Errorf("the pages have %v, want %v", got, Categories)
	}
}
