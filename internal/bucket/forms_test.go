package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bucket/buckettest"
)

func TestMem(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return bucket.NewMem() })
}

func TestDir(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		d, err := bucket.OpenDir(t.TempDir(), bucket.DirOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	})
}

func TestFaultyWithoutFaults(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{}) })
}

func TestNested(t *testing.T) {
	buckettest.Nested(t, bucket.NewMem())
	d, err := bucket.OpenDir(t.TempDir(), bucket.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	buckettest.Nested(t, d)
}

// TestFaults tests what each fault does to the bucket behind.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		faults  bucket.Faults
		there   bool // right after the answer
		settled bool // when late writes have happened
	}{
		{"error", bucket.Faults{Error: 1}, false, false},
		{"lost", bucket.Faults{Lost: 1}, true, true},
		{"late", bucket.Faults{Late: 1}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := bucket.NewMem()
				f := bucket.NewFaulty(mem, 7, c.faults)
				there := func() bool {
					_, err := mem.Get(t.Context(), "k")
					return err == nil
				}
				if _, err := f.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("x"))); !errors.Is(err, bucket.ErrUnavailable) {
					t.Errorf("PutIfAbsent = %v, want %v", err, bucket.ErrUnavailable)
				}
				if there() != c.there {
					t.Errorf("the object is there: %v, want %v", there(), c.there)
				}
				f.Settle()
				if there() != c.settled {
					t.Errorf("the object is there at last: %v, want %v", there(), c.settled)
				}
			})
		})
	}
}

func TestOutageAndLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bucket.NewFaulty(bucket.NewMem(), 7, bucket.Faults{Latency: 3 * time.Second})
		start := time.Now()
		if _, err := f.Put(t.Context(), "k", bucket.Bytes(nil)); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("Put = %v after %v, want nil after 3s", err, time.Since(start))
		}
		f.Down(true)
		if _, err := f.Get(t.Context(), "k"); !errors.Is(err, bucket.ErrUnavailable) {
			t.Errorf("Get in an outage = %v", err)
		}
		f.Down(false)
		if _, err := f.Get(t.Context(), "k"); err != nil {
			t.Errorf("Get after an outage = %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Get(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get that was given up = %v", err)
		}
	})
}

// liar is a store that forgets conditions, as some did.
type liar struct{ bucket.Bucket }

func (l liar) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	return l.Put(ctx, key, body)
}

// sloppy honours one condition only.
type sloppy struct{ bucket.Bucket }

func (s sloppy) PutIfMatch(ctx context.Context, key string, body bucket.Body, _ bucket.ETag) (bucket.ETag, error) {
	return s.Put(ctx, key, body)
}

func TestProbeFindsLiars(t *testing.T) {
	for name, b := range map[string]bucket.Bucket{"absent": liar{bucket.NewMem()}, "match": sloppy{bucket.NewMem()}} {
		if err := bucket.Probe(t.Context(), b); !errors.Is(err, bucket.ErrLies) || !strings.Contains(err.Error(), "use a store that does") {
			t.Errorf("%s: Probe = %v, want %v", name, err, bucket.ErrLies)
		}
	}
	away := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{})
	away.Down(true)
	if err := bucket.Probe(t.Context(), away); !errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, bucket.ErrLies) {
		t.Errorf("Probe of a bucket that is away = %v", err)
	}
}

type counter struct{ N int }

// TestDocumentsUnderFaults has writers count in one document while requests get lost, fail and land late:
// every count that was reported done is in it, once.
func TestDocumentsUnderFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bucket.NewFaulty(bucket.NewMem(), 11, bucket.Faults{Error: .1, Lost: .1, Jitter: 10 * time.Millisecond})
		var group sync.WaitGroup
		var mu sync.Mutex
		done, unknown := 0, 0
		for range 8 {
			docs := bucket.NewDocuments(f)
			group.Go(func() {
				for range 20 {
					_, err := bucket.Update(t.Context(), docs, "count", func(c *counter) error {
						c.N++
						return nil
					})
					mu.Lock()
					if err == nil {
						done++
					} else {
						unknown++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		f.Set(bucket.Faults{})
		c, err := bucket.Load[counter](t.Context(), bucket.NewDocuments(f), "count")
		if err != nil || c.N < done || c.N > done+unknown {
			t.Errorf("the document says %d (%v), want %d that were done and at most %d more", c.N, err, done, unknown)
		}
		if done < 100 {
			t.Errorf("%d of 160 updates succeeded: too few to say anything", done)
		}
	})
}

func TestDocuments(t *testing.T) {
	docs := bucket.NewDocuments(bucket.NewMem())
	if err := bucket.Create(t.Context(), docs, "d", counter{1}); err != nil {
		t.Fatal(err)
	}
	if err := bucket.Create(t.Context(), docs, "d", counter{2}); !errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("Create over a document = %v", err)
	}
	other := bucket.NewDocuments(docs.Bucket())
	if _, err := bucket.Update(t.Context(), other, "d", func(c *counter) error { c.N = 5; return nil }); err != nil {
		t.Fatal(err)
	}
	if c, ok := bucket.Cached[counter](docs, "d"); !ok || c.N != 1 {
		t.Errorf("Cached = %v, %v, want what was written last through it", c, ok)
	}
	if c, err := bucket.Load[counter](t.Context(), docs, "d"); err != nil || c.N != 5 {
		t.Errorf("Load = %v, %v, want 5", c, err)
	}
	stop := errors.New("stop")
	if _, err := bucket.Update(t.Context(), docs, "d", func(*counter) error { return stop }); err != stop {
		t.Errorf("Update gives %v, want the error of the change", err)
	}
	if _, err := docs.Bucket().Put(t.Context(), "n", bucket.Bytes([]byte(`{"schema":99,"value":{}}`))); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Load[counter](t.Context(), docs, "n"); !errors.Is(err, bucket.ErrNewerSchema) {
		t.Errorf("Load of a newer document = %v", err)
	}
}

// TestDirBetweenProcesses lets two processes race on one directory, each with several writers.
func TestDirBetweenProcesses(t *testing.T) {
	dir := os.Getenv("MAYFLY_TEST_DIR")
	child := dir != ""
	if !child {
		dir = t.TempDir()
	}
	d, err := bucket.OpenDir(dir, bucket.DirOptions{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var cmd *exec.Cmd
	if !child {
		cmd = exec.Command(os.Args[0], "-test.run=^TestDirBetweenProcesses$")
		cmd.Env = append(os.Environ(), "MAYFLY_TEST_DIR="+dir)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	const each = 100
	docs := bucket.NewDocuments(d)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range each / 4 {
				if _, err := bucket.Update(t.Context(), docs, "count", func(c *counter) error { c.N++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if child {
		return
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if c, err := bucket.Load[counter](t.Context(), docs, "count"); err != nil || c.N != 2*each {
		t.Errorf("two processes counted to %v, %v, want %d", c, err, 2*each)
	}
}

func TestCounted(t *testing.T) {
	var said []string
	b := bucket.Counted(bucket.NewMem(), func(kind string, err error, _ time.Duration, n int64) {
		said = append(said, fmt.Sprintf("%s %v %d", kind, err == nil, n))
	})
	b.Put(t.Context(), "k", bucket.Bytes([]byte("12345")))
	b.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("1")))
	b.GetRange(t.Context(), "k", 1, 2)
	if got, want := strings.Join(said, ", "), "put true 5, put_if_absent false 1, get_range true 2"; got != want {
		t.Errorf("the observer heard %q, want %q", got, want)
	}
}

// TestLoadListed reads a document again only when its listing says that it is another version.
func TestLoadListed(t *testing.T) {
	type value struct{ N int }
	gets := 0
	mem := bucket.NewMem()
	docs := bucket.NewDocuments(bucket.Counted(mem, func(kind string, _ error, _ time.Duration, _ int64) {
		if kind == "get" {
			gets++
		}
	}))
	other := bucket.NewDocuments(mem)
	read := func(want, requests int) {
		t.Helper()
		gets = 0
		if err := bucket.All(t.Context(), mem, "", func(e bucket.Entry) error {
			v, err := bucket.LoadListed[value](t.Context(), docs, e)
			if err == nil && v.N != want {
				t.Errorf("it is %d, want %d", v.N, want)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if gets != requests {
			t.Errorf("%d requests, want %d", gets, requests)
		}
	}
	if err := bucket.Create(t.Context(), other, "nodes/a", value{1}); err != nil {
		t.Fatal(err)
	}
	read(1, 1)
	read(1, 0)
	if _, err := bucket.Update(t.Context(), other, "nodes/a", func(v *value) error { v.N = 2; return nil }); err != nil {
		t.Fatal(err)
	}
	read(2, 1)
	read(2, 0)
}
