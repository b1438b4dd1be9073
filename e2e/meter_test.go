//go:build meter

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/demo/front"
)

// TestMeter watches a channel with a load generator that knows nothing of Mayfly (MAYFLY_METER names its
// program) while the node that takes the channel in is killed: 20 viewers at low latency and 20 at standard
// latency through a front, and a publisher that stamps every picture and connects again after 250 ms. It
// prints what they report; the promises are those of TestDeath.
//
//	MAYFLY_METER=… go test -tags meter -run TestMeter -v ./e2e
func TestMeter(t *testing.T) {
	f := newFleet(t)
	defer f.logs(t)
	s := f.stage(newFilm(t, "300k"), "meter", 1)
	flv := filepath.Join(t.TempDir(), "meter.flv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=60", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=60",
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-b:v", "300k", "-pix_fmt", "yuv420p", "-c:a", "aac", flv)
	var list []front.Backend
	for i, n := range f.nodes {
		list = append(list, front.Backend{Name: nodeNames[i], Address: n.rtmp})
	}
	meter := need(t, os.Getenv("MAYFLY_METER"))
	run := func(args ...string) *process { return start(t, nil, meter, args...) }
	publisher := run("publish", "-url", "rtmp://"+f.front(list)+"/live/"+s.channel.Sources[0].StreamKey, "-n", "1", "-file", flv, "-reconnect", "250ms", "-ramp", "0s", "-warmup", "5s", "-for", "70s")
	s.live()
	watch := func(mode string) *process {
		return run("watch", "-url", "http://"+f.viewer+"/meter/index.m3u8", "-n", "20", "-parse", "20", "-mode", mode, "-warmup", "16s", "-for", "40s")
	}
	low, standard := watch("ll"), watch("hls")
	after(28 * time.Second)
	f.nodes[0].process.kill()
	for name, p := range map[string]*process{"low latency": low, "standard latency": standard} {
		if err := p.wait(t, 60*time.Second); err != nil {
			t.Errorf("viewers at %s: %v\n%s", name, err, tail(p.output()))
		}
		t.Logf("viewers at %s:\n%s", name, report(p.output()))
	}
	publisher.kill()
}

// report picks from the meter's JSON what it says of continuity: all that is not about the machine.
func report(out string) string {
	var all map[string]json.RawMessage
	_, body, _ := strings.Cut(out, "{")
	if json.Unmarshal([]byte("{"+body), &all) != nil {
		return out
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, fmt.Sprintf("  %s: %s", name, strings.Join(strings.Fields(string(all[name])), " ")))
	}
	return strings.Join(lines, "\n")
}
