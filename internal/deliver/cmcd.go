package deliver

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Told is what a player says of itself by Common Media Client Data (CTA-5004; ltc and bsd as in its version B), in
// headers or in the query. Nobody has to believe it: it counts for figures alone.
type Told struct {
	Session    string        // sid
	Paused     bool          // pr=0
	Starved    bool          // bs: it had nothing to play since its last request
	StarvedFor time.Duration // bsd
	Latency    time.Duration // ltc: the delay
	Referrer   string        // mayfly-ref: host of the page that led to the player
}

const (
	maxCMCD    = 2000 // bytes that are looked at
	maxKeys    = 40
	maxSession = 100
	maxHost    = 100
	maxTold    = 10 * time.Minute // of a duration
)

// toldBy reads what a player says of itself. It never fails: what cannot be read was not said.
func toldBy(r *http.Request) (t Told) {
	for _, name := range []string{"Cmcd-Session", "Cmcd-Status", "Cmcd-Request"} {
		if head := r.Header[name]; len(head) > 0 {
			t.read(head[0])
		}
	}
	if _, after, ok := strings.Cut(r.URL.RawQuery, "CMCD="); ok {
		list, _, _ := strings.Cut(after, "&")
		if len(list) > 3*maxCMCD {
			return t
		}
		if plain, err := url.QueryUnescape(list); err == nil {
			t.read(plain)
		}
	}
	return t
}

// read reads a list of keys, such as `bs,ltc=1200,sid="x"`.
func (t *Told) read(list string) {
	if len(list) > maxCMCD {
		return
	}
	for range maxKeys {
		if list == "" {
			return
		}
		var key, value string
		key, value, list = nextKey(list)
		switch key {
		case "sid":
			if len(value) <= maxSession {
				t.Session = value
			}
		case "pr":
			t.Paused = value == "0"
		case "bs":
			t.Starved = value != "false"
		case "bsd":
			t.StarvedFor = milliseconds(value)
		case "ltc":
			t.Latency = milliseconds(value)
		case "mayfly-ref":
			t.Referrer = hostName(value)
		}
	}
}

// nextKey cuts off the first key of a list; a string may have commas in it.
func nextKey(list string) (key, value, rest string) {
	list = strings.TrimLeft(list, " ")
	end := strings.IndexAny(list, ",=")
	if end < 0 {
		return strings.TrimRight(list, " "), "", ""
	}
	key = strings.TrimRight(list[:end], " ")
	if list[end] == ',' {
		return key, "", list[end+1:]
	}
	list = list[end+1:]
	if strings.HasPrefix(list, `"`) {
		value, rest, _ = strings.Cut(list[1:], `"`)
		_, rest, _ = strings.Cut(rest, ",")
		return key, value, rest
	}
	value, rest, _ = strings.Cut(list, ",")
	return key, strings.TrimRight(value, " "), rest
}

func milliseconds(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, int(maxTold.Milliseconds()))) * time.Millisecond
}

// hostName returns a host's name, without a www. before it, or "" if it is none.
func hostName(text string) string {
	text = strings.TrimPrefix(strings.ToLower(text), "www.")
	if len(text) > maxHost || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || !strings.Contains(text, ".") {
		return ""
	}
	return text
}

// refererOf returns the host of the page that asks, if that is another site's.
func refererOf(r *http.Request) string {
	head := r.Header["Referer"]
	if len(head) == 0 || len(head[0]) > maxCMCD {
		return ""
	}
	u, err := url.Parse(head[0])
	if err != nil || strings.EqualFold(u.Host, r.Host) {
		return ""
	}
	return hostName(u.Hostname())
}
