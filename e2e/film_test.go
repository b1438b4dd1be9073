package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
)

// film is a file to publish, each of whose pictures is known by its checksum.
type film struct {
	path  string
	index map[[md5.Size]byte]int
}

const (
	filmRate    = 25
	filmSeconds = 200
)

var films struct {
	sync.Mutex
	made map[string]*film
}

// newFilm makes a film of a bit rate, once for all tests: a keyframe every 2 s, B-frames, and no two pictures alike.
func newFilm(t *testing.T, rate string) *film {
	t.Helper()
	films.Lock()
	defer films.Unlock()
	if f := films.made[rate]; f != nil {
		return f
	}
	f := &film{path: filepath.Join(scratch, "film-"+rate+".mp4"), index: map[[md5.Size]byte]int{}}
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=320x180:rate=%d:duration=%d", filmRate, filmSeconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=330:sample_rate=48000:duration=%d", filmSeconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", fmt.Sprint(2*filmRate), "-keyint_min", fmt.Sprint(2*filmRate), "-sc_threshold", "0",
		"-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-nal-hrd", "cbr", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k", f.path)
	for i, sum := range hashes(t, f.path, "v", true) {
		var key [md5.Size]byte
		if n, err := hex.Decode(key[:], []byte(sum)); err != nil || n != len(key) {
			t.Fatalf("checksum %q: %v", sum, err)
		}
		if other, twice := f.index[key]; twice {
			t.Fatalf("pictures %d and %d of the film are alike", other, i)
		}
		f.index[key] = i
	}
	if films.made == nil {
		films.made = map[string]*film{}
	}
	films.made[rate] = f
	return f
}

// pictures returns which pictures of the film a piece of media holds, in order of decoding. Track 1 of
// every take of the film is its pictures.
func (f *film) pictures(data []byte) (list []int, err error) {
	fragments, err := cmaf.ReadFragments(data)
	if err != nil {
		return nil, err
	}
	for _, frag := range fragments {
		if frag.Track != 1 {
			continue
		}
		for _, s := range frag.Samples {
			i, known := f.index[md5.Sum(s.Data)]
			if !known {
				return list, fmt.Errorf("a picture of %d bytes that was never published", len(s.Data))
			}
			list = append(list, i)
		}
	}
	return list, nil
}

// copyBounded copies at most 64 MiB.
func copyBounded(w io.Writer, r io.Reader) (int64, error) {
	return io.Copy(w, io.LimitReader(r, 64<<20))
}
