// Package buckettest has what every form of a bucket must do, as one suite of tests, and a real S3
// server to run it against.
package buckettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Run tests that the buckets that open gives keep every promise of bucket.Bucket. Each test gets an
// empty bucket.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, bucket.Bucket)
	}{
		{"read your own write", readYourWrite}, {"ranges", ranges}, {"bodies of several slices", bodies},
		{"put if absent", putIfAbsent}, {"put if match", putIfMatch}, {"delete", deletes}, {"list", lists},
		{"keys", keys}, {"one of many writers wins", races}, {"a context that has ended", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	t.Run("probe", func(t *testing.T) {
		if err := bucket.Probe(t.Context(), open(t)); err != nil {
			t.Errorf("Probe = %v, want nil", err)
		}
	})
}

func put(t *testing.T, b bucket.Bucket, key, data string) bucket.ETag {
	t.Helper()
	etag, err := b.Put(t.Context(), key, bucket.Bytes([]byte(data)))
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return etag
}

func expect(t *testing.T, b bucket.Bucket, key, data string) {
	t.Helper()
	o, err := b.Get(t.Context(), key)
	if err != nil || string(o.Data) != data || o.Size != int64(len(data)) {
		t.Errorf("Get(%q) = %q, size %d, %v, want %q", key, o.Data, o.Size, err, data)
	}
}

func expectError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func readYourWrite(t *testing.T, b bucket.Bucket) {
	_, err := b.Get(t.Context(), "a/b")
	expectError(t, "Get of what is not there", err, bucket.ErrNotFound)
	first := put(t, b, "a/b", "one")
	expect(t, b, "a/b", "one")
	second := put(t, b, "a/b", "two")
	expect(t, b, "a/b", "two")
	if first == second || first == "" {
		t.Errorf("ETags %q and %q of two versions, want different ones", first, second)
	}
	o, err := b.Get(t.Context(), "a/b")
	if err != nil || o.ETag != second || o.Modified.IsZero() {
		t.Errorf("Get gives ETag %q, modified %v, %v, want %q as Put gave", o.ETag, o.Modified, err, second)
	}
	put(t, b, "empty", "")
	expect(t, b, "empty", "")
}

func ranges(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 4, "0123"}, {3, 3, "345"}, {8, 10, "89"}, {10, 5, ""}, {50, 5, ""}, {0, 0, ""}, {-3, 3, "789"}, {-3, 1, "789"}, {-20, 20, "0123456789"}} {
		o, err := b.GetRange(t.Context(), "k", c.offset, c.length)
		if err != nil || string(o.Data) != c.want || o.Size != 10 || o.ETag == "" {
			t.Errorf("GetRange(%d, %d) = %q of %d, %v, want %q of 10", c.offset, c.length, o.Data, o.Size, err, c.want)
		}
	}
	_, err := b.GetRange(t.Context(), "absent", 0, 4)
	expectError(t, "GetRange of what is not there", err, bucket.ErrNotFound)
}

func bodies(t *testing.T, b bucket.Bucket) {
	large := bytes.Repeat([]byte("mayfly"), 300_000)
	body := bucket.Body{[]byte("a"), nil, large, []byte("z")}
	if _, err := b.PutIfAbsent(t.Context(), "k", body); err != nil {
		t.Fatal(err)
	}
	o, err := b.Get(t.Context(), "k")
	if want := "a" + string(large) + "z"; err != nil || string(o.Data) != want {
		t.Errorf("Get gives %d bytes, %v, want the %d that were put", len(o.Data), err, len(want))
	}
}

func putIfAbsent(t *testing.T, b bucket.Bucket) {
	if _, err := b.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("one"))); err != nil {
		t.Fatal(err)
	}
	_, err := b.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("two")))
	expectError(t, "PutIfAbsent over an object", err, bucket.ErrPrecondition)
	expect(t, b, "k", "one")
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("three"))); err != nil {
		t.Errorf("PutIfAbsent after Delete: %v", err)
	}
}

func putIfMatch(t *testing.T, b bucket.Bucket) {
	_, err := b.PutIfMatch(t.Context(), "k", bucket.Bytes([]byte("x")), `"0123456789abcdef0123456789abcdef"`)
	expectError(t, "PutIfMatch where nothing is", err, bucket.ErrPrecondition)
	first := put(t, b, "k", "one")
	second, err := b.PutIfMatch(t.Context(), "k", bucket.Bytes([]byte("two")), first)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.PutIfMatch(t.Context(), "k", bucket.Bytes([]byte("three")), first)
	expectError(t, "PutIfMatch of a version that is gone", err, bucket.ErrPrecondition)
	expect(t, b, "k", "two")
	if _, err = b.PutIfMatch(t.Context(), "k", bucket.Bytes([]byte("four")), second); err != nil {
		t.Errorf("PutIfMatch of the present version: %v", err)
	}
}

func deletes(t *testing.T, b bucket.Bucket) {
	if err := b.Delete(t.Context(), "absent"); err != nil {
		t.Errorf("Delete of what is not there: %v", err)
	}
	first := put(t, b, "k", "one")
	second := put(t, b, "k", "two")
	expectError(t, "DeleteIfMatch of a version that is gone", b.DeleteIfMatch(t.Context(), "k", first), bucket.ErrPrecondition)
	expect(t, b, "k", "two")
	if err := b.DeleteIfMatch(t.Context(), "k", second); err != nil {
		t.Errorf("DeleteIfMatch of the present version: %v", err)
	}
	_, err := b.Get(t.Context(), "k")
	expectError(t, "Get after DeleteIfMatch", err, bucket.ErrNotFound)
	expectError(t, "DeleteIfMatch where nothing is", b.DeleteIfMatch(t.Context(), "k", second), bucket.ErrPrecondition)
}

func lists(t *testing.T, b bucket.Bucket) {
	want := []string{"p/a-b", "p/a.b", "p/a/1", "p/a/2", "p/b", "p/c/d/e"}
	for _, k := range append([]string{"o", "q/z"}, want...) {
		put(t, b, k, k)
	}
	for limit := range 8 {
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			page, err := b.List(t.Context(), "p/", after, limit)
			if err != nil || pages > 10 || limit > 0 && len(page.Entries) > limit {
				t.Fatalf("List(limit %d) after %q: %d entries, %v", limit, after, len(page.Entries), err)
			}
			for _, e := range page.Entries {
				got = append(got, e.Key)
				if e.Size != int64(len(e.Key)) || e.ETag == "" || e.Modified.IsZero() {
					t.Errorf("List gives %+v, want its size, ETag and time", e)
				}
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("List(limit %d) = %q, want %q", limit, got, want)
		}
	}
	page, err := b.List(t.Context(), "p/a", "p/a/1", 0)
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Key != "p/a/2" {
		t.Errorf("List after p/a/1 = %+v, %v, want p/a/2 alone", page.Entries, err)
	}
	if page, err := b.List(t.Context(), "none/", "", 0); err != nil || len(page.Entries) != 0 {
		t.Errorf("List of an empty prefix = %+v, %v", page.Entries, err)
	}
}

// Nested tests that an object may lie below the key of another. Stores on file systems cannot do that, so
// it is not in the suite, and nothing of ours needs it.
func Nested(t *testing.T, b bucket.Bucket) {
	put(t, b, "a", "one")
	put(t, b, "a/b", "two")
	expect(t, b, "a", "one")
	expect(t, b, "a/b", "two")
	page, err := b.List(t.Context(), "a", "", 0)
	if err != nil || len(page.Entries) != 2 || page.Entries[0].Key != "a" {
		t.Errorf("List = %+v, %v, want a and a/b", page.Entries, err)
	}
}

func keys(t *testing.T, b bucket.Bucket) {
	for _, k := range []string{"", "/a", "a//b", "a/", ".hidden", "a/../b", "a b", "ä", string(bytes.Repeat([]byte("k"), 201)), string(bytes.Repeat([]byte("k/"), 300)) + "k"} {
		_, err := b.Put(t.Context(), k, bucket.Bytes(nil))
		expectError(t, fmt.Sprintf("Put(%.20q)", k), err, bucket.ErrInvalidKey)
		_, err = b.Get(t.Context(), k)
		expectError(t, fmt.Sprintf("Get(%.20q)", k), err, bucket.ErrInvalidKey)
	}
	put(t, b, "Key_1.2-3=x", "fine")
	expect(t, b, "Key_1.2-3=x", "fine")
}

func races(t *testing.T, b bucket.Bucket) {
	const writers = 16
	race := func(what string, write func(bucket.Body) error) {
		t.Helper()
		var errs [writers]error
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() { errs[i] = write(bucket.Bytes(fmt.Appendf(nil, "%s %d", what, i))) })
		}
		group.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won >= 0:
				t.Fatalf("%s: writers %d and %d both won", what, won, i)
			case err == nil:
				won = i
			case !errors.Is(err, bucket.ErrPrecondition):
				t.Fatalf("%s: writer %d: %v", what, i, err)
			}
		}
		if won < 0 {
			t.Fatalf("%s: nobody won", what)
		}
		expect(t, b, "k", fmt.Sprintf("%s %d", what, won))
	}
	race("absent", func(body bucket.Body) error {
		_, err := b.PutIfAbsent(t.Context(), "k", body)
		return err
	})
	for round := range 5 {
		o, err := b.Get(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		race(fmt.Sprint("match ", round), func(body bucket.Body) error {
			_, err := b.PutIfMatch(t.Context(), "k", body, o.ETag)
			return err
		})
	}
}

func cancelled(t *testing.T, b bucket.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.PutIfAbsent(ctx, "k", bucket.Bytes([]byte("x"))); !errors.Is(err, context.Canceled) {
		t.Errorf("PutIfAbsent with an ended context: %v, want %v", err, context.Canceled)
	}
}
