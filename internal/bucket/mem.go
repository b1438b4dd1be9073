package bucket

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Mem is a bucket in memory, for tests and for the simulation.
type Mem struct {
	mu      sync.Mutex
	objects map[string]Object
	keys    []string // sorted
	version int64
}

// NewMem makes an empty bucket.
func NewMem() *Mem { return &Mem{objects: map[string]Object{}} }

// Get reads a whole object.
func (m *Mem) Get(ctx context.Context, key string) (Object, error) {
	return m.read(ctx, key, func(size int64) (int64, int64) { return 0, size })
}

// GetRange reads a stretch of an object.
func (m *Mem) GetRange(ctx context.Context, key string, offset, length int64) (Object, error) {
	return m.read(ctx, key, func(size int64) (int64, int64) { return cut(size, offset, length) })
}

func (m *Mem) read(ctx context.Context, key string, stretch func(size int64) (from, to int64)) (Object, error) {
	if err := begin(ctx, key); err != nil {
		return Object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return Object{}, fmt.Errorf("get %s: %w", key, ErrNotFound)
	}
	from, to := stretch(o.Size)
	o.Data = bytes.Clone(o.Data[from:to])
	return o, nil
}

// Put writes an object.
func (m *Mem) Put(ctx context.Context, key string, body Body) (ETag, error) {
	return m.write(ctx, key, body, func(Object, bool) bool { return true })
}

// PutIfAbsent writes an object if there is none.
func (m *Mem) PutIfAbsent(ctx context.Context, key string, body Body) (ETag, error) {
	return m.write(ctx, key, body, func(_ Object, exists bool) bool { return !exists })
}

// PutIfMatch replaces the version that etag names.
func (m *Mem) PutIfMatch(ctx context.Context, key string, body Body, etag ETag) (ETag, error) {
	return m.write(ctx, key, body, func(o Object, exists bool) bool { return exists && o.ETag == etag })
}

func (m *Mem) write(ctx context.Context, key string, body Body, allowed func(Object, bool) bool) (ETag, error) {
	if err := begin(ctx, key); err != nil {
		return "", err
	}
	data := bytes.Join(body, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	old, exists := m.objects[key]
	if !allowed(old, exists) {
		return "", fmt.Errorf("put %s: %w", key, ErrPrecondition)
	}
	if !exists {
		i, _ := slices.BinarySearch(m.keys, key)
		m.keys = slices.Insert(m.keys, i, key)
	}
	m.version++
	etag := ETag(strconv.FormatInt(m.version, 16))
	m.objects[key] = Object{Data: data, ETag: etag, Size: int64(len(data)), Modified: time.Now()}
	return etag, nil
}

// Delete removes an object.
func (m *Mem) Delete(ctx context.Context, key string) error {
	err := m.remove(ctx, key, func(Object, bool) bool { return true })
	return err
}

// DeleteIfMatch removes the version that etag names.
func (m *Mem) DeleteIfMatch(ctx context.Context, key string, etag ETag) error {
	return m.remove(ctx, key, func(o Object, exists bool) bool { return exists && o.ETag == etag })
}

func (m *Mem) remove(ctx context.Context, key string, allowed func(Object, bool) bool) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, exists := m.objects[key]
	if !allowed(old, exists) {
		return fmt.Errorf("delete %s: %w", key, ErrPrecondition)
	}
	if exists {
		delete(m.objects, key)
		i, _ := slices.BinarySearch(m.keys, key)
		m.keys = slices.Delete(m.keys, i, i+1)
	}
	return nil
}

// List returns a page of keys.
func (m *Mem) List(ctx context.Context, prefix, after string, limit int) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	start := max(prefix, after)
	i, _ := slices.BinarySearch(m.keys, start)
	var page Page
	for ; i < len(m.keys) && strings.HasPrefix(m.keys[i], prefix); i++ {
		key := m.keys[i]
		if key <= after {
			continue
		}
		if len(page.Entries) == limit {
			page.Next = page.Entries[limit-1].Key
			break
		}
		o := m.objects[key]
		page.Entries = append(page.Entries, Entry{Key: key, Size: o.Size, ETag: o.ETag, Modified: o.Modified})
	}
	return page, nil
}

// begin is what every operation on a key checks first.
func begin(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}
