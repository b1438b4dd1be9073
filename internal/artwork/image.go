// Package artwork keeps the images that people upload for their channels.
//
// It promises that nothing foreign is served: an image is decoded and written anew, so that only its pixels
// are left of what was sent. It is kept under the hash of its bytes and never changed.
package artwork

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"regexp"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"github.com/mayfly-tv/mayfly/internal/paint"
)

// Kind is what an image is for. It says how large it is kept.
type Kind string

// The kinds of images.
const (
	Logo    Kind = "logo"
	Picture Kind = "picture"
	Graphic Kind = "graphic" // lies over a part of the program's picture
	Emote   Kind = "emote"   // stands in a line of chat
)

// bounds are the largest sides that are kept of each kind.
var bounds = map[Kind]image.Point{Logo: {512, 512}, Picture: {1920, 1080}, Graphic: {960, 960}, Emote: {128, 128}}

// Valid reports whether there is such a kind.
func (k Kind) Valid() bool { return bounds[k] != image.Point{} }

// Limits of what may be uploaded.
const (
	MaxBytes  = 5 << 20
	maxSide   = 4096
	maxPixels = 4096 * 3072 // decoding takes up to 16 bytes for each
	minSide   = 16
)

// ErrInvalid is wrapped by what is wrong with an upload.
var ErrInvalid = errors.New("invalid image")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// File is an image as it is kept and served.
type File struct {
	Name string // hash of the bytes, and the format's ending
	Data []byte
}

// format is a form of images that is read.
type format struct {
	name   string
	magic  func([]byte) bool
	size   func(*bytes.Reader) (image.Config, error)
	decode func(*bytes.Reader) (image.Image, error)
}

// formats are tried by their first bytes; what a name or a header says counts for nothing.
var formats = []format{
	{"PNG", starts("\x89PNG\r\n\x1a\n"),
		func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }},
	{"JPEG", starts("\xff\xd8\xff"),
		func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }},
	{"WebP", func(b []byte) bool { return starts("RIFF")(b) && len(b) > 12 && string(b[8:12]) == "WEBP" },
		func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }},
}

func starts(with string) func([]byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(with)) }
}

// Make makes the image that is kept of an upload.
func Make(kind Kind, data []byte) (File, error) {
	if !kind.Valid() {
		return File{}, invalid("there is no kind %q", kind)
	}
	if len(data) > MaxBytes {
		return File{}, invalid("more than %d MB: make it smaller", MaxBytes>>20)
	}
	img, err := decode(data)
	if err != nil {
		return File{}, err
	}
	return encode(fit(img, bounds[kind]))
}

// decode reads an image, after a look at how large it says that it is.
func decode(data []byte) (image.Image, error) {
	for _, f := range formats {
		if !f.magic(data) {
			continue
		}
		size, err := f.size(bytes.NewReader(data))
		if err != nil {
			return nil, invalid("this %s file cannot be read: save it again, or use another one", f.name)
		}
		switch {
		case size.Width < minSide || size.Height < minSide:
			return nil, invalid("%d × %d pixels: use at least %d × %d", size.Width, size.Height, minSide, minSide)
		case size.Width > maxSide || size.Height > maxSide || size.Width*size.Height > maxPixels:
			return nil, invalid("%d × %d pixels: use at most %d on a side, and %d million in all", size.Width, size.Height, maxSide, maxPixels/1_000_000)
		}
		img, err := f.decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dx() != size.Width || img.Bounds().Dy() != size.Height {
			return nil, invalid("this %s file is damaged or cut off: save it again, or use another one", f.name)
		}
		return img, nil
	}
	return nil, invalid("this is neither a PNG nor a JPEG nor a WebP image")
}

// fit draws an image anew, not larger than most and in its own proportions.
func fit(img image.Image, most image.Point) *image.NRGBA {
	size := img.Bounds().Size()
	to := paint.Fit(size, most)
	out := image.NewNRGBA(image.Rectangle{Max: to})
	if to == size {
		draw.Draw(out, out.Bounds(), img, img.Bounds().Min, draw.Src)
	} else {
		draw.CatmullRom.Scale(out, out.Bounds(), img, img.Bounds(), draw.Src, nil)
	}
	return out
}

const quality = 86

// encode writes an image: as JPEG, or as PNG if one sees through it.
func encode(img *image.NRGBA) (File, error) {
	var b bytes.Buffer
	ending, err := ".jpg", error(nil)
	if img.Opaque() {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	} else {
		ending, err = ".png", png.Encode(&b, img)
	}
	if err != nil {
		return File{}, fmt.Errorf("write the image: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	return File{Name: hex.EncodeToString(sum[:16]) + ending, Data: b.Bytes()}, nil
}

var name = regexp.MustCompile(`^[0-9a-f]{32}\.(jpg|png)$`)

// ContentType returns what an image of that name is served as, or "" if no image has such a name.
func ContentType(file string) string {
	switch m := name.FindStringSubmatch(file); {
	case m == nil:
		return ""
	case m[1] == "png":
		return "image/png"
	}
	return "image/jpeg"
}
