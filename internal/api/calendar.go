package api

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// calendarLine is how long a line of a calendar file may be, in bytes (RFC 5545, 3.1).
const calendarLine = 75

// remindBefore is how long before a show a calendar reminds of it.
const remindBefore = 10 * time.Minute

// calendarText writes text as the value of a property (RFC 5545, 3.3.11).
var calendarText = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// calendarOf makes a calendar file of one show. page is where it can be watched, host what its name is unique in.
func calendarOf(c *channel.Channel, s *channel.Show, page, host string) []byte {
	const form = "20060102T150405Z"
	var b strings.Builder
	line := func(name, value string) { b.WriteString(folded(name + ":" + value)) }
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//Mayfly//Shows//EN")
	line("BEGIN", "VEVENT")
	line("UID", s.ID+"@"+host)
	line("SEQUENCE", itoa(s.Version))
	line("DTSTAMP", s.Changed.UTC().Format(form))
	line("DTSTART", s.At.UTC().Format(form))
	line("DTEND", s.Ends().UTC().Format(form))
	line("SUMMARY", calendarText.Replace(s.Title+" ("+c.Title+")"))
	if s.Text != "" {
		line("DESCRIPTION", calendarText.Replace(s.Text))
	}
	line("URL", page)
	line("BEGIN", "VALARM")
	line("ACTION", "DISPLAY")
	line("TRIGGER", fmt.Sprintf("-PT%dM", int(remindBefore.Minutes())))
	line("DESCRIPTION", calendarText.Replace(s.Title))
	line("END", "VALARM")
	line("END", "VEVENT")
	line("END", "VCALENDAR")
	return []byte(b.String())
}

// folded breaks a line where it is too long, between characters.
func folded(line string) string {
	var b strings.Builder
	for room := calendarLine; len(line) > room; room = calendarLine - 1 { // the space that goes on counts
		cut := room
		for cut > 1 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + "\r\n ")
		line = line[cut:]
	}
	return b.String() + line + "\r\n"
}
