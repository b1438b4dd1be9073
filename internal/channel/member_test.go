package channel

import (
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestMembers gives roles and takes them away; a channel that people own keeps an owner, and the store knows whose
// channels are which.
func TestMembers(t *testing.T) {
	s := NewStore(bucket.NewDocuments(bucket.NewMem()), slog.New(slog.DiscardHandler))
	of := func(account string) (slugs []string) {
		for _, c := range s.Of(account) {
			slugs = append(slugs, c.Slug)
		}
		return slugs
	}
	set := func(slug, account string, role Role) error {
		_, err := s.Update(t.Context(), slug, func(c *Channel) error { return c.SetRole(account, role) })
		return err
	}
	for _, slug := range []string{"one", "two"} {
		if _, err := s.Create(t.Context(), Channel{Slug: slug, Members: []Member{{"ada", Owner}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := set("one", "bob", Producer); err != nil {
		t.Fatal(err)
	}
	if err := set("one", "eve", "king"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a role that is none: %v", err)
	}
	for _, role := range []Role{"", Producer} {
		if err := set("one", "ada", role); !errors.Is(err, ErrInvalid) {
			t.Errorf("the last owner becomes %q: %v", role, err)
		}
	}
	if got := of("ada"); !slices.Equal(got, []string{"one", "two"}) || !slices.Equal(of("bob"), []string{"one"}) || of("eve") != nil {
		t.Errorf("ada works on %v, bob on %v, eve on %v", got, of("bob"), of("eve"))
	}
	if err := set("one", "bob", Owner); err != nil {
		t.Fatal(err)
	}
	if err := set("one", "ada", ""); err != nil {
		t.Error(err)
	}
	if err := remove(t, s, "two"); err != nil {
		t.Fatal(err)
	}
	if len(s.of) != 1 || !slices.Equal(of("bob"), []string{"one"}) {
		t.Errorf("after all that the store knows of %v", s.of)
	}
}
