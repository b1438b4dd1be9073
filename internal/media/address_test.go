package media

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var someTake = TakeID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}

const someTakeText = "000g40r40m30e209185gr38ezw"

func TestAddressForms(t *testing.T) {
	base := "/media/" + someTakeText + "/main/"
	for text, want := range map[string]Address{
		base + "init.mp4":                    {Init: true},
		base + "0.m4s":                       {},
		base + "57.m4s":                      {Segment: 57},
		base + "57.0-0.m4s":                  {Segment: 57, Run: true},
		base + "57.3-11.m4s":                 {Segment: 57, Run: true, From: 3, To: 11},
		base + "4294967295.m4s":              {Segment: 1<<32 - 1},
		base + "2/init.mp4":                  {Track: 2, Init: true},
		base + "255/57.m4s":                  {Track: 255, Segment: 57},
		base + "1.4294967295-4294967295.m4s": {Segment: 1, Run: true, From: 1<<32 - 1, To: 1<<32 - 1},
	} {
		want.Take, want.Rendition = someTake, Main
		if got := want.String(); got != text {
			t.Errorf("%+v is written %s, want %s", want, got, text)
		}
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestAddressRefused has what looks like an address and is none: one piece of media has one address.
func TestAddressRefused(t *testing.T) {
	base := "/media/" + someTakeText + "/main/"
	for _, text := range []string{
		"", "/", "/media/", "media/" + someTakeText + "/main/0.m4s", base, base + "/0.m4s", base + "0.m4s/",
		base + "00.m4s", base + "+1.m4s", base + "-1.m4s", base + "4294967296.m4s", base + "1e3.m4s", base + ".m4s",
		base + "0.mp4", base + "0.m4s.m4s", base + "init.m4s", base + "INIT.MP4", base + "0.M4S", base + "0.1.m4s",
		base + "0.2-1.m4s", base + "0.-1.m4s", base + "0.1-.m4s", base + "0.01-2.m4s", base + "0.1-2-3.m4s",
		base + "0/0.m4s", base + "256/0.m4s", base + "01/0.m4s", base + "1/0.0-1.m4s", base + "1/2/0.m4s",
		"/media/" + strings.ToUpper(someTakeText) + "/main/0.m4s",
		"/media/" + someTakeText[:25] + "/main/0.m4s", "/media/" + someTakeText + "0/main/0.m4s",
		"/media/" + someTakeText[:25] + "1/main/0.m4s", // its last two bits are not those of 128
		"/media/" + someTakeText[:25] + "u/main/0.m4s",
		"/media/" + someTakeText + "/index/0.m4s", "/media/" + someTakeText + "/Main/0.m4s",
		"/media/" + someTakeText + "//0.m4s", "/media/" + someTakeText + "/" + strings.Repeat("a", 33) + "/0.m4s",
		base + "٣.m4s", base + "0.m4s\x00", base + "0 .m4s",
	} {
		if a, err := ParseAddress(text); err == nil {
			t.Errorf("%q is read as %+v, want an error", text, a)
		} else if a != (Address{}) {
			t.Errorf("%q: an error and still %+v", text, a)
		}
	}
}

// TestAddressRoundTrip: what is written is read back as it was, whatever it is.
func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Address{Rendition: rapid.StringMatching(`[a-z0-9-]{1,32}`).Filter(ValidRendition).Draw(t, "rendition")}
		copy(a.Take[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "take"))
		a.Track = rapid.IntRange(0, 255).Draw(t, "track")
		if a.Init = rapid.Bool().Draw(t, "init"); !a.Init {
			a.Segment = rapid.Uint32().Draw(t, "segment")
			if a.Run = a.Track == 0 && rapid.Bool().Draw(t, "run"); a.Run {
				a.From = rapid.Uint32().Draw(t, "from")
				a.To = rapid.Uint32Min(a.From).Draw(t, "to")
			}
		}
		text := a.String()
		if got, err := ParseAddress(text); err != nil || got != a {
			t.Fatalf("%s is read as %+v, %v, want %+v", text, got, err, a)
		}
		if got := string(a.Append([]byte("x"))); got != "x"+text {
			t.Fatalf("appended to x: %s", got)
		}
	})
}

// FuzzParseAddress: whatever is accepted is exactly what String writes.
func FuzzParseAddress(f *testing.F) {
	base := "/media/" + someTakeText + "/main/"
	for _, s := range []string{base + "init.mp4", base + "57.m4s", base + "57.3-11.m4s", base + "2/init.mp4", base + "2/57.m4s",
		base + "0057.m4s", base + "57.11-3.m4s", "/media/../x", base + "4294967296.m4s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		a, err := ParseAddress(path)
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if got := a.String(); got != path {
			t.Errorf("%q was accepted and is written %q", path, got)
		}
	})
}
