package channel

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"github.com/mayfly-tv/mayfly/internal/paint"
)

// Profile is what a channel is about and what it looks like.
type Profile struct {
	Category   string   `json:"category,omitempty"` // id of one of Categories
	Language   string   `json:"language,omitempty"` // BCP 47, in its canonical form
	Tags       []string `json:"tags,omitempty"`
	Accent     string   `json:"accent,omitempty"`     // #rrggbb, of buttons and marks
	Background string   `json:"background,omitempty"` // #rrggbb, of the page
	Logo       string   `json:"logo,omitempty"`       // names of images
	Picture    string   `json:"picture,omitempty"`
}

// Category is one of the kinds of channels that the guide sorts by.
type Category struct{ ID, Name string }

// Categories are all of them. An id is never given another meaning.
var Categories = []Category{
	{"news", "News"},
	{"faith", "Faith"},
	{"education", "Education"},
	{"conference", "Conferences"},
	{"sport", "Sport"},
	{"music", "Music"},
	{"culture", "Arts and culture"},
	{"film", "Film"},
	{"games", "Games"},
	{"science", "Science and technology"},
	{"business", "Business"},
	{"community", "Community"},
	{"kids", "Children"},
	{"nature", "Nature and travel"},
	{"other", "Other"},
}

const (
	maxTags  = 10
	maxTag   = 30
	maxGiven = 50 // tags of a request that are looked at
)

// tidy brings what people write into the form that is stored.
func (p *Profile) tidy() error {
	p.Accent, p.Background = strings.ToLower(p.Accent), strings.ToLower(p.Background)
	if p.Language != "" {
		tag, err := language.Parse(p.Language)
		if err != nil || tag.IsRoot() {
			return invalid("language %.40q: use a code such as en, de or pt-BR (BCP 47)", p.Language)
		}
		p.Language = tag.String()
	}
	if len(p.Tags) > maxGiven {
		return invalid("%d tags: use at most %d", len(p.Tags), maxTags)
	}
	var tags []string
	for _, given := range p.Tags {
		tag, err := tidyTag(given)
		if err != nil {
			return err
		}
		if tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	p.Tags = tags
	return nil
}

// tidyTag makes one form of what is written in several: small letters, words joined by hyphens.
func tidyTag(s string) (string, error) {
	s = norm.NFC.String(strings.ToLower(strings.TrimLeft(strings.TrimSpace(s), "#")))
	if !utf8.ValidString(s) {
		return "", invalid("tag: use plain text")
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '-' || r == '_' })
	for _, w := range words {
		if i := strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }); i >= 0 {
			return "", invalid("tag %.40q: use letters and digits", s)
		}
	}
	tag := strings.Join(words, "-")
	if n := utf8.RuneCountInString(tag); n > maxTag {
		return "", invalid("tag of %d characters: use at most %d", n, maxTag)
	}
	return tag, nil
}

func (p *Profile) validate() error {
	if p.Category != "" && !slices.ContainsFunc(Categories, func(c Category) bool { return c.ID == p.Category }) {
		return invalid("category %.40q: there is no such category", p.Category)
	}
	if len(p.Tags) > maxTags {
		return invalid("%d tags: use at most %d", len(p.Tags), maxTags)
	}
	for _, c := range []string{p.Accent, p.Background} {
		if c != "" && !paint.Valid(c) {
			return invalid("colour %.40q: use # and six hexadecimal digits, such as #0b7285", c)
		}
	}
	return nil
}
