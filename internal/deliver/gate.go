package deliver

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// What a Gate may answer, besides ErrNoChannel, to who may not watch.
var (
	// ErrPrivate: the channel is private, and the request shows nothing that lets it in. Answered 403.
	ErrPrivate = errors.New("private")
	// ErrPassword: the channel wants a password first. Answered 403.
	ErrPassword = errors.New("password")
)

// OftenError is for who has shown too much that lets nobody in. Answered 429.
type OftenError struct{ Wait time.Duration }

func (e *OftenError) Error() string { return "too many tries" }

// Gate says who may watch. It is asked for every request, so it answers from memory wherever that is possible.
type Gate interface {
	// Channel says whether a request may have a channel's playlists.
	Channel(r *http.Request, slug string) (Admission, error)
	// Media says whether a request may have a take's media, and whether only some may. For media that everybody
	// may have it must not allocate.
	Media(r *http.Request, take media.TakeID) (private bool, err error)
	// Elsewhere is how many watch a channel through other nodes, as far as this one knows.
	Elsewhere(slug string) int
}

// Admission is what a request is let in with. The zero value is for what everybody may watch.
type Admission struct {
	// Private: nobody else may be given the answer.
	Private bool
	// Lists and Media are the tokens that the addresses of playlists and of media get.
	Lists, Media string
	// Limit is how many may watch the channel at once, 0 for any number. It does not count for Crew.
	Limit int
	Crew  bool
}

// TokenOf returns the playback token of a request, "" without one.
func TokenOf(r *http.Request) string {
	for rest := r.URL.RawQuery; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, "&")
		if token, ok := strings.CutPrefix(item, "t="); ok {
			return token
		}
	}
	return ""
}

func withToken(address, token string) string {
	if token == "" {
		return address
	}
	return address + "?t=" + url.QueryEscape(token)
}

// mayFetch asks the gate for media. With false, the request has been answered.
func (h *Handler) mayFetch(w http.ResponseWriter, r *http.Request, take media.TakeID) (private, ok bool) {
	if h.cfg.Gate == nil {
		return false, true
	}
	private, err := h.cfg.Gate.Media(r, take)
	if err != nil {
		h.failWith(w, r, err)
	}
	return private, err == nil
}

// fullAfter is when somebody who found no room may ask again, in seconds.
const fullAfter = 15

// room says whether one more may watch: who does already stays, and who works on the channel is never sent away.
// Otherwise it answers the request.
func (h *Handler) room(w http.ResponseWriter, r *http.Request, slug string, pass Admission, a *audience) bool {
	now := time.Now()
	if pass.Limit == 0 || pass.Crew || a.has(viewerOf(r), now) || a.size(now)+h.cfg.Gate.Elsewhere(slug) < pass.Limit {
		return true
	}
	h.stats.full.Add(1)
	h.fail(w, r, problem{Status: http.StatusServiceUnavailable, Title: "full", Kind: "full", RetryAfter: fullAfter,
		Detail: "As many watch this channel as it lets in: " + strconv.Itoa(pass.Limit) + ". Ask again when somebody has left."})
	return false
}

// failGate answers who may not watch. It reports whether err was about that.
func (h *Handler) failGate(w http.ResponseWriter, r *http.Request, err error) bool {
	var often *OftenError
	switch {
	case errors.Is(err, ErrPrivate):
		h.fail(w, r, problem{Status: http.StatusForbidden, Title: "private", Kind: "private",
			Detail: "This channel is private: sign in as somebody who works on it, or use a playback link that counts."})
	case errors.Is(err, ErrPassword):
		h.fail(w, r, problem{Status: http.StatusForbidden, Title: "password", Kind: "password",
			Detail: "This channel wants a password: enter it on the channel's page."})
	case errors.As(err, &often):
		h.fail(w, r, problem{Status: http.StatusTooManyRequests, Kind: "often", RetryAfter: int(often.Wait.Seconds()) + 1,
			Detail: "Too many playback tokens that are none came from this address. Wait and try again."})
	default:
		return false
	}
	return true
}

// signed returns the window with a token behind its addresses.
func signed(w *hls.Window, token string) *hls.Window {
	if token == "" {
		return w
	}
	copied := *w
	copied.Query = withToken("", token)
	return &copied
}
