package bucket_test

import (
	"encoding/json"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

type newerSource struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Delay int    `json:"delay,omitempty"`
}

// newer is a document as a later version writes it, older as this one knows it.
type newer struct {
	Title   string                 `json:"title"`
	Serial  int64                  `json:"serial"`
	Mood    map[string]string      `json:"mood,omitempty"`
	Sources []newerSource          `json:"sources"`
	By      map[string]newerSource `json:"by"`
	One     *newerSource           `json:"one"`
}

type olderSource struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type older struct {
	Title   string                 `json:"title"`
	Note    string                 `json:"note,omitempty"`
	Sources []olderSource          `json:"sources"`
	By      map[string]olderSource `json:"by"`
	One     *olderSource           `json:"one"`
}

// TestUpdateKeepsForeignFields has an older version change a document of a newer one.
func TestUpdateKeepsForeignFields(t *testing.T) {
	docs := bucket.NewDocuments(bucket.NewMem())
	before := newer{
		Title: "one", Serial: 9007199254740993, Mood: map[string]string{"Ada": "glad"},
		Sources: []newerSource{{"a", "Camera", 5}, {"b", "Balcony", 7}, {"c", "Gone", 9}},
		By:      map[string]newerSource{"x": {"a", "Camera", 3}}, One: &newerSource{"a", "Camera", 2},
	}
	if err := bucket.Create(t.Context(), docs, "doc", before); err != nil {
		t.Fatal(err)
	}
	changed, err := bucket.Update(t.Context(), docs, "doc", func(o *older) error {
		o.Title, o.Note = "two", "mine"
		o.Sources = []olderSource{{"n", "Added"}, {"b", "Gallery"}, o.Sources[0]}
		o.One.Name = "Other"
		return nil
	})
	if err != nil || changed.Title != "two" {
		t.Fatalf("Update = %+v, %v", changed, err)
	}
	got, err := bucket.Load[newer](t.Context(), docs, "doc")
	want := newer{
		Title: "two", Serial: before.Serial, Mood: before.Mood,
		Sources: []newerSource{{"n", "Added", 0}, {"b", "Gallery", 7}, {"a", "Camera", 5}},
		By:      before.By, One: &newerSource{"a", "Other", 2},
	}
	if a, b := text(t, got), text(t, want); err != nil || a != b {
		t.Errorf("the newer version finds\n%s, %v, want\n%s", a, err, b)
	}
	if o, err := bucket.Load[older](t.Context(), docs, "doc"); err != nil || o.Note != "mine" {
		t.Errorf("the older version finds %+v, %v", o, err)
	}
	// A thing with another id is another thing.
	if _, err := bucket.Update(t.Context(), docs, "doc", func(o *older) error { o.One.ID = "z"; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := bucket.Load[newer](t.Context(), docs, "doc"); err != nil || got.One.Delay != 0 || got.Sources[1].Delay != 7 {
		t.Errorf("under another id: %+v, %v", got, err)
	}
	// Emptied by who knows it, a field does not come back.
	if _, err := bucket.Update(t.Context(), docs, "doc", func(o *older) error { o.Note, o.One = "", nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if o, err := bucket.Load[older](t.Context(), docs, "doc"); err != nil || o.Note != "" || o.One != nil {
		t.Errorf("it came back: %+v, %v", o, err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
