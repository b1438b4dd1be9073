package thumbnail

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestPicture makes a picture of real media, and one of what is none.
func TestPicture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "take.mp4")
	err := ffmpeg.Run(t.Context(), ffmpeg.Job{Args: []string{
		"-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=0.2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "empty_moov+frag_keyframe+default_base_moof", file,
	}})
	if err != nil {
		t.Fatalf("%v (make tools installs ffmpeg)", err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := New(Config{Log: slog.New(slog.DiscardHandler), Newest: func(_ context.Context, id media.TakeID) ([]byte, error) {
		if id[0] == 1 {
			return data[:len(data)/4], nil
		}
		return data, nil
	}})
	got, err := m.Picture(t.Context(), media.TakeID{}, "")
	if err != nil {
		t.Fatal(err)
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(got))
	if err != nil || size.Width != width || size.Height != 360 {
		t.Errorf("%+v, %v", size, err)
	}
	clip, err := m.Clip(t.Context(), media.TakeID{2}, func(context.Context) ([]byte, error) { return data, nil })
	if err != nil || !bytes.Equal(clip, got) {
		t.Errorf("of a clip: %d bytes, %v", len(clip), err)
	}
	if _, err := m.Picture(t.Context(), media.TakeID{1}, ""); !errors.Is(err, ErrNone) {
		t.Errorf("of broken media: %v", err)
	}
}

// TestCrowd lets many ask for many takes: each is made once, two at a time, and kept for a while.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{Log: slog.New(slog.DiscardHandler), Newest: func(context.Context, media.TakeID) ([]byte, error) { return nil, nil }})
		var mu sync.Mutex
		runs, now, peak := 0, 0, 0
		m.run = func(_ context.Context, job ffmpeg.Job) error {
			mu.Lock()
			runs, now = runs+1, now+1
			peak = max(peak, now)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			job.Stdout.Write([]byte{1})
			return nil
		}
		ask := func() {
			var group sync.WaitGroup
			for i := range 200 {
				group.Go(func() {
					if _, err := m.Picture(t.Context(), media.TakeID{byte(i % 10)}, ""); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
		}
		ask()
		ask()
		if runs != 10 || peak != atOnce {
			t.Errorf("%d runs, %d at once", runs, peak)
		}
		time.Sleep(Age)
		ask()
		time.Sleep(2 * forget)
		m.Picture(t.Context(), media.TakeID{99}, "")
		if runs != 21 || len(m.kept) != 1 {
			t.Errorf("%d runs, %d kept", runs, len(m.kept))
		}
	})
}

// roundTripper is a node that answers by a handler.
type roundTripper struct{ h http.Handler }

func (r roundTripper) RoundTrip(q *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, q)
	return w.Result(), nil
}

// TestElsewhere asks the node that has a take.
func TestElsewhere(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	far := New(Config{Log: quiet, Newest: func(_ context.Context, id media.TakeID) ([]byte, error) {
		if id != (media.TakeID{7}) {
			return nil, ErrNone
		}
		return nil, nil
	}})
	far.run = func(_ context.Context, job ffmpeg.Job) error {
		_, err := job.Stdout.Write([]byte("picture"))
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(Pattern, far)
	near := New(Config{Log: quiet, Elsewhere: roundTripper{mux}, Newest: func(context.Context, media.TakeID) ([]byte, error) { return nil, ErrNone }})
	if got, err := near.Picture(t.Context(), media.TakeID{7}, "far"); err != nil || string(got) != "picture" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := near.Picture(t.Context(), media.TakeID{8}, "far"); !errors.Is(err, ErrNone) {
		t.Errorf("a take that nobody has: %v", err)
	}
}
