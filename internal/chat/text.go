package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mtibben/confusables"
	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many combining marks may stand on one letter: languages need two or three, towers of them cover what
// others wrote.
const maxMarks = 4

const (
	zeroWidthNonJoiner = 0x200c // Persian and Indic writing need it,
	zeroWidthJoiner    = 0x200d // and families of emoji
)

// plain brings a text to one form, and takes out what is not seen or turns the text of others around: control
// characters, bidirectional overrides and isolates, and what has no width. Lines become one.
func plain(s string) string {
	var b strings.Builder
	marks, gap := 0, false
	for _, r := range norm.NFC.String(strings.ToValidUTF8(s, "")) {
		switch {
		case unicode.IsSpace(r):
			gap = true
			continue
		case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
			if b.Len() == 0 || gap {
				continue
			}
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) && !tagOfFlag(r), unassigned(r):
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// tagOfFlag: the flags of Scotland and Wales are spelled with these.
func tagOfFlag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }

// unassigned: what looks like nothing and is no control character by its category.
func unassigned(r rune) bool {
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x2800 || r == unicode.ReplacementChar
}

// CleanText returns a message as it is shown, or an error that says what is wrong with it.
func CleanText(s string) (string, error) {
	if len(s) > 2*maxBytes {
		return "", invalid("a message of %d bytes: use at most %d characters", len(s), MaxText)
	}
	s = plain(s)
	switch n := utf8.RuneCountInString(s); {
	case !seen(s):
		return "", invalid("there is nothing to read in it: write something")
	case n > MaxText || len(s) > maxBytes:
		return "", invalid("a message of %d characters: use at most %d", n, MaxText)
	}
	return s, nil
}

// seen reports whether anything of a text is seen.
func seen(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.M, unicode.Cf) && !unicode.IsSpace(r)
	})
}

// CleanName returns a nickname as it is shown, or an error that says what is wrong with it.
func CleanName(s string) (string, error) {
	if len(s) > 8*maxName {
		return "", invalid("a name of %d bytes: use %d to %d characters", len(s), minName, maxName)
	}
	s = norm.NFKC.String(plain(s))
	if n := utf8.RuneCountInString(s); n < minName || n > maxName {
		return "", invalid("a name of %d characters: use %d to %d", n, minName, maxName)
	}
	letters := false
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.L, unicode.Nd):
			letters = true
		case unicode.Is(unicode.M, r), r == zeroWidthJoiner, r == zeroWidthNonJoiner, strings.ContainsRune(" ._-'’·", r):
		default:
			return "", invalid("the name has the character %q: use letters, digits, spaces and . _ - '", r)
		}
	}
	if !letters {
		return "", invalid("the name has no letter: use one at least")
	}
	if mixed(s) {
		return "", invalid("the name mixes alphabets that look alike: use the letters of one")
	}
	return s, nil
}

// lookalikes are the alphabets whose letters are taken for each other's.
var lookalikes = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee}

func mixed(s string) bool {
	used := 0
	for _, t := range lookalikes {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(t, r) }) {
			used++
		}
	}
	return used > 1
}

// look returns what is the same for names that look the same: without case, spaces and signs, by the table of Unicode
// (UTS 39), and with the digits that are read as letters.
func look(name string) string {
	keep := func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.Nd) {
			return unicode.ToLower(r)
		}
		return -1
	}
	s := strings.Map(keep, confusables.Skeleton(norm.NFKC.String(name)))
	// Once more without case: a capital I looks like a small l, and so does what it becomes.
	s = strings.Map(keep, confusables.Skeleton(s))
	return digits.Replace(s)
}

var digits = strings.NewReplacer("0", "o", "1", "l", "i", "l", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b")

// fold makes texts comparable with the word list: without case, marks and width.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
}

// wordsOf cuts a folded text into words.
func wordsOf(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.Nd) })
}

// hasLink reports whether a text has an address in it that somebody might follow.
func hasLink(s string) bool {
	low := strings.ToLower(s)
	if strings.Contains(low, "://") || strings.Contains(low, "www.") {
		return true
	}
	for word := range strings.FieldsSeq(low) {
		host, _, _ := strings.Cut(strings.Trim(word, ".,;:!?()[]<>\"'"), "/")
		at := strings.LastIndexByte(host, '.')
		if at <= 0 || len(host)-at-1 < 2 {
			continue
		}
		if top := host[at+1:]; strings.Trim(top, "abcdefghijklmnopqrstuvwxyz") == "" && (strings.Contains(word, "/") || wellKnown[top]) {
			return true
		}
	}
	return false
}

// wellKnown are endings that nobody writes by accident after a full stop without a space.
var wellKnown = map[string]bool{"com": true, "net": true, "org": true, "info": true, "biz": true, "io": true, "tv": true, "xyz": true, "shop": true, "online": true, "site": true, "app": true, "dev": true, "ru": true, "cn": true, "top": true, "club": true, "link": true, "gg": true, "ly": true}
