package artwork

import (
	"bytes"
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// drawn is an image of one colour.
func drawn(w, h int, c color.Color) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	return img
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

//go:embed testdata/*.webp
var webps embed.FS

func asWebP(t testing.TB, name string) []byte {
	t.Helper()
	data, err := webps.ReadFile("testdata/" + name + ".webp")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var teal = color.NRGBA{11, 114, 133, 255}

// TestMake makes images anew: not larger than they are shown, and with nothing of what was sent but the pixels.
func TestMake(t *testing.T) {
	secret := "GPS 51.5, -0.1"
	for name, q := range map[string]struct {
		data  []byte
		kind  Kind
		want  image.Point
		named string
	}{
		"small png":   {asPNG(t, drawn(64, 48, teal)), Logo, image.Pt(64, 48), ".jpg"},
		"wide jpeg":   {asJPEG(t, drawn(2400, 300, teal)), Picture, image.Pt(1920, 240), ".jpg"},
		"tall png":    {asPNG(t, drawn(100, 1000, teal)), Logo, image.Pt(51, 512), ".jpg"},
		"transparent": {asPNG(t, drawn(1000, 1000, color.NRGBA{255, 0, 0, 100})), Logo, image.Pt(512, 512), ".png"},
		"lossy webp":  {asWebP(t, "lossy"), Picture, image.Pt(96, 64), ".jpg"},
		"clear webp":  {asWebP(t, "clear"), Logo, image.Pt(48, 48), ".png"},
		"with more":   {append(asPNG(t, drawn(64, 64, teal)), secret...), Logo, image.Pt(64, 64), ".jpg"},
	} {
		f, err := Make(q.kind, q.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		img, _, err := image.Decode(bytes.NewReader(f.Data))
		if err != nil || img.Bounds().Size() != q.want || !strings.HasSuffix(f.Name, q.named) || ContentType(f.Name) == "" || bytes.Contains(f.Data, []byte(secret)) {
			t.Errorf("%s: %s of %v, %v", name, f.Name, img.Bounds(), err)
			continue
		}
		if again, err := Make(q.kind, q.data); err != nil || again.Name != f.Name {
			t.Errorf("%s: again %s, %v", name, again.Name, err)
		}
		if r, g, b, _ := img.At(3, 3).RGBA(); q.named == ".jpg" && name != "lossy webp" && (r>>8 > 20 || g>>8 < 100 || b>>8 < 120) {
			t.Errorf("%s: colour %d %d %d", name, r>>8, g>>8, b>>8)
		}
	}
}

// claims is a PNG that says how large it is and has next to no pixels.
func claims(w, h uint32) []byte {
	head := []byte("IHDR")
	head = binary.BigEndian.AppendUint32(head, w)
	head = binary.BigEndian.AppendUint32(head, h)
	head = append(head, 8, 6, 0, 0, 0)
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	b = append(b, head...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head))
}

// TestRefused names what is wrong with an image, and takes no memory for one that only claims to be large.
func TestRefused(t *testing.T) {
	whole := asPNG(t, drawn(64, 64, teal))
	for name, q := range map[string]struct {
		data []byte
		says string
	}{
		"nothing": {nil, "neither"}, "text": {[]byte("<svg onload=alert(1)>"), "neither"}, "gif": {[]byte("GIF89a..."), "neither"},
		"cut off": {whole[:len(whole)-30], "damaged"}, "a head alone": {claims(64, 64), "damaged"}, "a bomb": {claims(60000, 60000), "at most"},
		"many pixels": {claims(4096, 4096), "million"}, "a dot": {asPNG(t, drawn(1, 1, teal)), "at least"}, "empty": {claims(0, 0), ""},
		"large": {make([]byte, MaxBytes+1), "5 MB"}, "broken webp": {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "WebP"}, "broken jpeg": {[]byte("\xff\xd8\xff\xe0"), "JPEG"},
	} {
		if f, err := Make(Logo, q.data); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), q.says) {
			t.Errorf("%s: %v, %v", name, f.Name, err)
		}
	}
	if _, err := Make("flag", whole); !errors.Is(err, ErrInvalid) {
		t.Errorf("a kind that is none: %v", err)
	}
}

func FuzzMake(f *testing.F) {
	f.Add(asPNG(f, drawn(20, 16, teal)))
	f.Add(asJPEG(f, drawn(16, 20, teal)))
	f.Add(asWebP(f, "lossy"))
	f.Add(asWebP(f, "clear"))
	f.Add(claims(60000, 60000))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Make(Logo, data)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		img, kind, err := image.Decode(bytes.NewReader(file.Data))
		if err != nil || "image/"+kind != ContentType(file.Name) || img.Bounds().Dx() > 512 || img.Bounds().Dy() > 512 {
			t.Errorf("%s is a %s of %v, %v", file.Name, kind, img.Bounds(), err)
		}
	})
}

func TestContentType(t *testing.T) {
	good := strings.Repeat("0", 32)
	if ContentType(good+".png") != "image/png" || ContentType(good+".jpg") != "image/jpeg" {
		t.Error("no type for a name of ours")
	}
	for _, bad := range []string{"", "x.png", good, good + ".svg", good + ".png\n", "../" + good + ".png", good + ".jpg.html"} {
		if got := ContentType(bad); got != "" {
			t.Errorf("%q is served as %s", bad, got)
		}
	}
}

// TestStore keeps images, and removes those that no channel has named for a while.
func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewMem()
		var named []string
		var failing error
		s, err := NewStore(Config{Bucket: b, Log: slog.New(slog.DiscardHandler), Named: func(_ context.Context, id string) ([]string, error) {
			if id != "c1" {
				t.Errorf("asked for channel %q", id)
			}
			return named, failing
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.cache.StopAllGoroutines()
		put := func(w int) string {
			name, err := s.Put(t.Context(), "c1", Logo, asPNG(t, drawn(w, 32, teal)))
			if err != nil {
				t.Fatal(err)
			}
			return name
		}
		first, second := put(32), put(40)
		named = []string{second, ""}
		s.cache.InvalidateAll()
		if data, err := s.Get(t.Context(), "c1", first); err != nil || len(data) == 0 {
			t.Errorf("Get: %v", err)
		}
		if _, err := s.Get(t.Context(), "c2", first); !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("of another channel: %v", err)
		}
		sweep := func(want int) {
			t.Helper()
			if n, err := s.sweep(t.Context(), time.Now()); err != nil || n != want {
				t.Errorf("a sweep removed %d, %v, want %d", n, err, want)
			}
		}
		sweep(0)
		time.Sleep(keepFor)
		failing = errors.New("away")
		if n, err := s.sweep(t.Context(), time.Now()); err == nil || n != 0 {
			t.Errorf("while nothing is known of the channel: %d, %v", n, err)
		}
		failing = nil
		sweep(0)
		put(32) // chosen again, just in time
		sweep(0)
		time.Sleep(keepFor)
		sweep(0)
		sweep(1)
		if _, err := s.Get(t.Context(), "c1", first); !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("removed: %v", err)
		}
		if _, err := s.Get(t.Context(), "c1", second); err != nil {
			t.Errorf("named: %v", err)
		}
	})
}
