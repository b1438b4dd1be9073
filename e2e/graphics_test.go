package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// appearance is when a viewer saw a graphic, and the pictures around it: their numbers and when each was seen, in ms.
type appearance struct {
	Came, Went float64
	Pictures   [][2]float64
}

// publishNumbers publishes pictures, 25 a second, that have their number drawn into them as the demonstration does.
func publishNumbers(t *testing.T, to string) *process {
	box := func(i, squares int, color, when string) string {
		s := fmt.Sprintf("drawbox=x=%d:y=352:w=%d:h=8:color=%s:t=fill", 80+20*i, 20*squares, color)
		if when != "" {
			s += ":enable='" + when + "'"
		}
		return s
	}
	filters := []string{box(0, 24, "black", ""), box(0, 1, "white", "")}
	for bit := range 20 {
		filters = append(filters, box(20-bit, 1, "white", fmt.Sprintf("mod(floor(n/%d),2)", 1<<bit)))
	}
	return start(t, nil, "ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=440",
		"-vf", strings.Join(filters, ","), "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "900k", "-c:a", "aac", "-f", "flv", to)
}

// numberAt returns the number of the first picture of the program at or behind a time, read out of the media.
func numberAt(t *testing.T, n *node, slug string, at time.Time) int {
	t.Helper()
	_, list := n.get("/" + slug + "/dvr/main.m3u8")
	begin, init, segment := time.Time{}, "", ""
	now := time.Time{}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if found := regexp.MustCompile(`URI="([^"]+init\.mp4)"`).FindStringSubmatch(line); found != nil {
			init = found[1]
		}
		if date, ok := strings.CutPrefix(line, "#EXT-X-PROGRAM-DATE-TIME:"); ok {
			now, _ = time.Parse(time.RFC3339, date)
		}
		if line != "" && !strings.HasPrefix(line, "#") && !now.After(at) {
			begin, segment = now, line
		}
	}
	if segment == "" {
		t.Fatalf("nothing of %v is listed:\n%s", at, list)
	}
	_, head := n.get(init)
	_, body := n.get(segment)
	file := filepath.Join(t.TempDir(), "segment.mp4")
	if err := os.WriteFile(file, append(head, body...), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := ffmpeg(t, "-i", file, "-map", "0:v", "-vsync", "passthrough", "-vf", "crop=480:8:80:352,scale=24:1:flags=area,format=gray", "-f", "rawvideo", "-")
	first := 0
	for _, light := range rows[1:21] {
		first <<= 1
		if light > 127 {
			first |= 1
		}
	}
	return first + int(math.Ceil(at.Sub(begin).Seconds()*25-0.01))
}

// seenAt returns when a picture was on the screen, going by the ones around it if the page missed it.
func (a *appearance) seenAt(number int) float64 {
	for _, p := range slices.Backward(a.Pictures) {
		if p[0] <= float64(number) {
			return p[1] + (float64(number)-p[0])*1000/25
		}
	}
	return math.Inf(1)
}

// TestGraphics prepares a lower third in the studio and shows it: a viewer of another node sees it within 100 ms of the picture that it
// belongs to, both when it comes and when it goes; what looks like HTML stays text.
func TestGraphics(t *testing.T) {
	draws(t)
	n := newNode(t, "", "--node", "anna")
	other := newNode(t, n.bucket, "--node", "bert")
	n.until("the nodes see each other", 20*time.Second, func() bool { return n.sees() == 2 && other.sees() == 2 })
	at, err := url.Parse(n.url(setupLink.FindString(n.said() + other.said()))) // whichever came first has made it
	if err != nil {
		t.Fatal(err)
	}
	at.Host = "localhost:" + at.Port()
	p := newPerson(t, "graphics.mjs", at.String(), other.url("/news"))
	publishNumbers(t, "rtmp://"+n.rtmp+"/live/"+p.next("key").Keys[0])
	p.goOn()
	turns := p.next("shown").Turns
	p.next("again")
	if end := p.next(""); !end.End || len(end.Exceptions)+len(end.Console) > 0 {
		t.Errorf("the pages said %v %v", end.Exceptions, end.Console)
	}
	now := time.Now().UTC()
	n.process.kill() // what was shown is known without it
	status, body := other.call("GET", fmt.Sprintf("/api/v1/channels/news/graphics/log?from=%s&to=%s", now.Add(-5*time.Minute).Format(time.RFC3339), now.Format(time.RFC3339)), "")
	var log struct {
		Showings []struct {
			Kind        string
			From, Until time.Time
		}
	}
	if err := json.Unmarshal(body, &log); status != http.StatusOK || err != nil {
		t.Fatalf("the log: %d %s", status, body)
	}
	var late []float64
	for _, s := range log.Showings {
		if s.Kind != "lower-third" || len(turns) == 0 {
			continue
		}
		turn := turns[0]
		turns = turns[1:]
		for what, x := range map[string]struct {
			at   time.Time
			seen float64
		}{"came": {s.From, turn.Came}, "went": {s.Until, turn.Went}} {
			number := numberAt(t, other, "news", x.at)
			by := x.seen - turn.seenAt(number)
			t.Logf("it %s %.0f ms after picture %d, to which it belongs", what, by, number)
			late = append(late, math.Abs(by))
		}
	}
	if len(late) != 6 {
		t.Fatalf("%d appearances in the log, want 6: %s", len(late), body)
	}
	// A browser on a machine that does other things draws a picture late now and then, and the graphic with the next one.
	if slices.Sort(late); late[len(late)/2] > 100 {
		t.Errorf("a graphic was seen %.0f ms from its picture, want at most 100", late[len(late)/2])
	}
}
