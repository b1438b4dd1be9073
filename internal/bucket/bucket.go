// Package bucket is the one thing that lasts: a flat store of objects with conditional writes.
//
// Everything above is built on two promises of it: an object that was written is there whole or not
// at all, and of several writers that name the same condition at most one succeeds.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNotFound is returned for a key that has no object.
	ErrNotFound = errors.New("object not found")
	// ErrPrecondition is returned when the condition of a write or delete did not hold; nothing was changed.
	ErrPrecondition = errors.New("precondition failed")
	// ErrUnavailable is returned when the bucket did not answer, or answered that it cannot at the
	// moment. The outcome of a write that failed so is unknown: it may have happened, or may happen
	// later. The caller repeats it with the same bytes, or reads what is there.
	ErrUnavailable = errors.New("bucket unavailable")
	// ErrInvalidKey is returned for a key that no bucket takes.
	ErrInvalidKey = errors.New("invalid key")
)

// ETag names one version of an object. It is opaque; two versions with different bytes differ.
type ETag string

// Object is what was read.
type Object struct {
	Data     []byte
	ETag     ETag
	Size     int64 // of the whole object, also when a range of it was read
	Modified time.Time
}

// Entry is one line of a listing.
type Entry struct {
	Key      string
	Size     int64
	ETag     ETag
	Modified time.Time
}

// Page is a stretch of a listing in lexical order of the keys.
type Page struct {
	Entries []Entry
	Next    string // pass it as after to go on; empty at the end
}

// Body is what is written: slices, one behind the other. A bucket neither joins nor changes them.
type Body [][]byte

// Len returns the number of bytes.
func (b Body) Len() int64 {
	var n int64
	for _, s := range b {
		n += int64(len(s))
	}
	return n
}

// Bytes returns a body of one slice.
func Bytes(b []byte) Body { return Body{b} }

// Bucket is a flat store of objects. All methods are safe for concurrent use. Errors wrap one of
// the sentinels above, or the context's error.
type Bucket interface {
	// Get reads a whole object.
	Get(ctx context.Context, key string) (Object, error)
	// GetRange reads length bytes from offset on, or what there is of them. With a negative offset
	// it reads the last -offset bytes, whatever length says.
	GetRange(ctx context.Context, key string, offset, length int64) (Object, error)
	// Put writes an object, replacing one that is there.
	Put(ctx context.Context, key string, body Body) (ETag, error)
	// PutIfAbsent writes an object if there is none of that key, else ErrPrecondition.
	PutIfAbsent(ctx context.Context, key string, body Body) (ETag, error)
	// PutIfMatch replaces the version of an object that etag names, else ErrPrecondition (also when there is none).
	PutIfMatch(ctx context.Context, key string, body Body, etag ETag) (ETag, error)
	// Delete removes an object; that there is none is no error.
	Delete(ctx context.Context, key string) error
	// DeleteIfMatch removes the version of an object that etag names, else ErrPrecondition. Some
	// stores ignore the condition, so nothing may depend on it but tidiness.
	DeleteIfMatch(ctx context.Context, key string, etag ETag) error
	// List returns up to limit entries whose keys begin with prefix and come after after, in lexical
	// order. A limit of 0 means 1,000.
	List(ctx context.Context, prefix, after string, limit int) (Page, error)
}

const (
	maxKey       = 512
	maxElement   = 200 // a file's name has at most 255 bytes, some of them ours
	defaultLimit = 1000
)

// CheckKey says whether key can name an object: 1 to 512 bytes of letters, digits and "-_.=/", in
// elements that are neither empty nor begin with a dot nor have over 200 bytes.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("key of %d bytes, want 1 to %d: %w", len(key), maxKey, ErrInvalidKey)
	}
	for element := range strings.SplitSeq(key, "/") {
		if element == "" || element[0] == '.' || len(element) > maxElement {
			return fmt.Errorf("key %q: an element is empty, begins with a dot or has over %d bytes: %w", key, maxElement, ErrInvalidKey)
		}
	}
	for i := range len(key) {
		c := key[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.=/", c) >= 0) {
			return fmt.Errorf("key %q: byte %#x, want letters, digits and -_.=/: %w", key, c, ErrInvalidKey)
		}
	}
	return nil
}

// All reads a whole listing, page by page, and calls f for each entry until f returns an error.
func All(ctx context.Context, b Bucket, prefix string, f func(Entry) error) error {
	after := ""
	for {
		page, err := b.List(ctx, prefix, after, 0)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := f(e); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// cut returns the stretch of an object of size bytes that GetRange promises.
func cut(size, offset, length int64) (from, to int64) {
	if offset < 0 {
		return max(0, size+offset), size
	}
	from = min(offset, size)
	return from, min(from+max(length, 0), size)
}
