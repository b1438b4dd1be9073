package chat

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"  hello \n\t world ":                "hello world",
		"<b>&amp;</b>":                       "<b>&amp;</b>", // text stays text
		"a\u202egnp.exe":                     "agnp.exe",
		"\u2066x\u2069\u200bY\ufeff\x00\x07": "xY",
		"e\u0301":                            "é",
		"👨\u200d👩\u200d👧 🏴\U000e0067\U000e007f": "👨\u200d👩\u200d👧 🏴\U000e0067\U000e007f",
		"z" + strings.Repeat("\u0336", 50):      "z" + strings.Repeat("\u0336", maxMarks),
	} {
		if got, err := CleanText(in); err != nil || got != want {
			t.Errorf("CleanText(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " \n ", "\u200b\u2060", "\u200d", "\u3164", strings.Repeat("x", MaxText+1), strings.Repeat("x", 10*maxBytes)} {
		if got, err := CleanText(in); !errors.Is(err, ErrInvalid) {
			t.Errorf("CleanText(%.20q) = %q, %v; want a refusal", in, got, err)
		}
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{" Ann  Lee ": "Ann Lee", "Jean-Luc": "Jean-Luc", "李小龙": "李小龙", "Ａｎｎ": "Ann", "O'Hara 2": "O'Hara 2", "Жанна": "Жанна"} {
		if got, err := CleanName(in); err != nil || got != want {
			t.Errorf("CleanName(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "x", "...", "<script>", "a\u202eb<", strings.Repeat("x", maxName+1), "Аnn", "😀😀", "a@b", "★ Mod"} {
		if got, err := CleanName(in); !errors.Is(err, ErrInvalid) {
			t.Errorf("CleanName(%q) = %q, %v; want a refusal", in, got, err)
		}
	}
}

func TestLook(t *testing.T) {
	for _, same := range [][]string{
		{"Ada Moderator", "ada_moderator", "ADA MODERAT0R", "Ada.Moderator", "Аdа Mоderаtоr", "Ada Moderat\u200dor"},
		{"Bill", "BILL", "B1ll", "bi11", "BiIl"},
		{"Kim", "Kιm", "ΚIM"},
	} {
		for _, name := range same[1:] {
			if look(name) != look(same[0]) {
				t.Errorf("%q looks like %q, not like %q: %q", name, look(name), same[0], look(same[0]))
			}
		}
	}
	if look("Ada") == look("Eda") || look("Tim") == look("Tom") {
		t.Error("other names look the same")
	}
}

func TestFilter(t *testing.T) {
	f := newFilter(&Rules{Links: true, Words: []string{"Darn", "two words", "naïve"}})
	for text, want := range map[string]bool{
		"well, DARN!": true, "darning socks": false, "Two  WORDS here": true, "two other words": false, "ｄａｒｎ": true, "so naive": true,
		"see https://x.example": true, "spam.com is good": true, "look at evil.example/x": true, "that was it.And more": false, "3.14 is pi": false, "hello": false,
	} {
		if f.holds(text) != want {
			t.Errorf("holds(%q) = %t, want %t", text, !want, want)
		}
	}
	if newFilter(&Rules{}).holds("https://x.example") {
		t.Error("without rules something is held")
	}
}

// FuzzText looks that whatever a stranger sends comes out short, in one form, and without what is not seen.
func FuzzText(f *testing.F) {
	for _, s := range []string{"hello", "a\u202eb", "e\u0301\u0301\u0301\u0301\u0301\u0301", "\xff\xfe", "<img src=x>", "👨\u200d👩", "ﷺ ㎏", "\u1e9b\u0323"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := CleanText(s)
		if err == nil {
			if n := utf8.RuneCountInString(text); n < 1 || n > MaxText || !utf8.ValidString(text) || text != strings.TrimSpace(text) {
				t.Errorf("%q became %q", s, text)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Errorf("%q became %q, which turns others around", s, text)
			}
			if again, err := CleanText(text); err != nil || again != text {
				t.Errorf("%q became %q, and that %q, %v", s, text, again, err)
			}
		}
		if name, err := CleanName(s); err == nil {
			if n := utf8.RuneCountInString(name); n < minName || n > maxName || strings.ContainsAny(name, "<>&\"@/") {
				t.Errorf("%q became the name %q", s, name)
			}
			look(name)
		}
		newFilter(&Rules{Links: true, Words: []string{s, "x y"}}).holds(s + " " + text)
	})
}
