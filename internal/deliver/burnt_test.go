package deliver

import (
	"net/http"
	"strings"
	"testing"
)

// burntStage shows the same as a stage, and notes which programs it is asked for.
type burntStage struct {
	*stage
	asked []string
}

func (b *burntStage) Program(slug string) (Program, error) {
	b.asked = append(b.asked, slug)
	switch slug {
	case "news/burnt":
		return b.stage, nil
	case "news":
		return b.stage.Program(slug)
	}
	return nil, ErrNoChannel
}

// TestBurnt serves the program with graphics in its pictures beside the channel's own: through the same gate, to the same
// audience, under addresses of its own; a channel that has none has no such address.
func TestBurnt(t *testing.T) {
	d := &door{closed: true, err: ErrPrivate, pass: Admission{Private: true, Lists: "good", Media: "media"}}
	h, s, _ := gated(d)
	b := &burntStage{stage: s}
	h.cfg.Programs = b
	for _, target := range []string{"/news/burnt/index.m3u8", "/news/burnt/main.m3u8", "/news/burnt/dvr/main.m3u8?t=bad"} {
		if w := look(h, target, ""); w.Code != http.StatusForbidden || len(b.asked) != 0 {
			t.Errorf("%s without a token: %d, asked for %v", target, w.Code, b.asked)
		}
	}
	for target, holds := range map[string]string{
		"/news/burnt/index.m3u8?t=good": "\nmain.m3u8?t=good\n", "/news/burnt/dvr.m3u8?t=good": "\ndvr/main.m3u8?t=good\n",
		"/news/burnt/main.m3u8?t=good": "?t=media", "/news/burnt/dvr/main.m3u8?t=good": "?t=media",
	} {
		b.asked = nil
		if w := look(h, target, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), holds) || len(b.asked) != 1 || b.asked[0] != "news/burnt" {
			t.Errorf("%s: %d, asked for %v\n%s", target, w.Code, b.asked, w.Body)
		}
	}
	if n := h.Viewers("news"); n != 1 {
		t.Errorf("%d viewers, want the one", n)
	}
	h.cfg.Gate = nil
	for _, target := range []string{"/late/burnt/index.m3u8", "/news/burnt/burnt/main.m3u8", "/news/burnt/x/y.m3u8", "/news/burnt/.m3u8"} {
		if w := look(h, target, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}
