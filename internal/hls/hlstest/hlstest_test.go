package hlstest

import (
	"strings"
	"testing"
)

const good = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.0,HOLD-BACK=12.0,PART-HOLD-BACK=0.750
#EXT-X-PART-INF:PART-TARGET=0.250
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-MAP:URI="/a/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2.000000,
/a/7.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="/b/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXT-X-PART:DURATION=0.250000,URI="/b/0.0-0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.100000,URI="/b/0.1-1.m4s"
#EXTINF:0.350000,
/b/0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.350Z
#EXT-X-PART:DURATION=0.250000,URI="/b/1.0-0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="/b/1.1-1.m4s"
`

func TestGood(t *testing.T) {
	p, faults := Parse([]byte(good))
	if len(faults) > 0 {
		t.Fatalf("faults in a good playlist: %v", faults)
	}
	if len(p.Segments) != 3 || p.Segments[2].Number != 9 || p.Segments[2].Discontinuity != 3 || p.Hint == "" || len(p.Segments[1].Parts) != 2 {
		t.Errorf("parsed as %+v", p)
	}
}

// TestFaults spoils a good playlist in one place at a time.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ old, spoiled, fault string }{
		{"#EXTM3U\n", "", "does not begin"},
		{"#EXT-X-VERSION:9", "#EXT-X-VERSION:6", "version"},
		{"TARGETDURATION:4", "TARGETDURATION:1", "over the target"},
		{"HOLD-BACK=12.0", "HOLD-BACK=6.0", "three target"},
		{"CAN-SKIP-UNTIL=24.0", "CAN-SKIP-UNTIL=12.0", "six target"},
		{"PART-HOLD-BACK=0.750", "PART-HOLD-BACK=0.300", "two part targets"},
		{"#EXT-X-PART-INF:PART-TARGET=0.250\n", "", "without EXT-X-PART-INF"},
		{"DURATION=0.250000,URI=\"/b/0.0-0", "DURATION=0.260000,URI=\"/b/0.0-0", "over the part target"},
		{"DURATION=0.250000,URI=\"/b/0.0-0", "DURATION=0.200000,URI=\"/b/0.0-0", "under 85"},
		{"#EXTINF:0.350000,", "#EXTINF:0.500000,", "the parts of"},
		{"#EXTINF:2.000000,\n", "", "without EXTINF"},
		{"#EXT-X-MAP:URI=\"/a/init.mp4\"\n", "", "no EXT-X-MAP"},
		{"03:04:07.350Z", "03:04:06.000Z", "goes back"},
		{"#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z\n", "", "no program time"},
		{"#EXT-X-MEDIA-SEQUENCE:7", "#EXT-X-MEDIA-SEQUENCE:x", "whole number"},
		{"TYPE=PART", "TYPE=MAP", "preload hint"},
		{",INDEPENDENT=YES\n", ",NEW=YES\n", "unknown attribute"},
		{"#EXT-X-DISCONTINUITY\n", "#EXT-X-SURPRISE\n", "unknown tag"},
		{"#EXT-X-MAP:URI=\"/a/init.mp4\"", "#EXT-X-MAP:URI=/a/init.mp4", "quoted"},
		{"URI=\"/b/1.1-1.m4s\"\n", "URI=\"/b/1.1-1.m4s\"\n#EXT-X-ENDLIST\n", "has ended"},
		{"#EXT-X-MAP:URI=\"/a/init.mp4\"\n", "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"/a/init.mp4\"\n", "before the first"},
	} {
		spoiled := strings.Replace(good, c.old, c.spoiled, 1)
		if spoiled == good {
			t.Errorf("%q is not in the playlist", c.old)
		}
		_, faults := Parse([]byte(spoiled))
		if !named(faults, c.fault) {
			t.Errorf("%q for %q: faults %v, want one with %q", c.spoiled, c.old, faults, c.fault)
		}
	}
}

func named(faults []error, text string) bool {
	for _, f := range faults {
		if strings.Contains(f.Error(), text) {
			return true
		}
	}
	return false
}

// TestFollower changes what must not change from one playlist to the next.
func TestFollower(t *testing.T) {
	var f Follower
	if faults := append(f.Next([]byte(good)), f.Next([]byte(good))...); len(faults) > 0 {
		t.Fatalf("faults in a good playlist, twice: %v", faults)
	}
	for _, c := range []struct{ old, spoiled, fault string }{
		{"/a/7.m4s", "/a/8.m4s", "address"},
		{"/b/1.0-0.m4s", "/b/1.0-1.m4s", "part"},
		{"SEQUENCE:7", "SEQUENCE:6", "newest number"},
		{"DISCONTINUITY-SEQUENCE:2", "DISCONTINUITY-SEQUENCE:3", "discontinuity"},
		{"/b/init.mp4", "/c/init.mp4", "map"},
		{"03:04:07.000Z", "03:04:07.001Z", "program time"},
	} {
		var f Follower
		f.Next([]byte(good))
		if faults := f.Next([]byte(strings.Replace(good, c.old, c.spoiled, 1))); !named(faults, c.fault) {
			t.Errorf("%q for %q: faults %v, want one with %q", c.spoiled, c.old, faults, c.fault)
		}
	}
	next := strings.Replace(good, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"/b/1.1-1.m4s\"", "#EXT-X-PART:DURATION=0.250000,URI=\"/b/1.1-1.m4s\"", 1)
	var h Follower
	h.Next([]byte(good))
	if faults := h.Next([]byte(next)); len(faults) > 0 || h.Hints() != 1 {
		t.Errorf("a hint that came true: %d counted, faults %v", h.Hints(), faults)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, faults := Parse(data)
		if p == nil {
			t.Errorf("no playlist, faults %v", faults)
		}
	})
}
