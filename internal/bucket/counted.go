package bucket

import (
	"context"
	"time"
)

// Observer is told of every request to a bucket: its kind, how it ended, how long it took, and how many
// bytes were written or read.
type Observer func(kind string, err error, took time.Duration, bytes int64)

// Counted returns b with an observer of its requests.
func Counted(b Bucket, tell Observer) Bucket { return &counted{b, tell} }

type counted struct {
	bucket Bucket
	tell   Observer
}

func (c *counted) Get(ctx context.Context, key string) (Object, error) {
	start := time.Now()
	o, err := c.bucket.Get(ctx, key)
	c.tell("get", err, time.Since(start), int64(len(o.Data)))
	return o, err
}

func (c *counted) GetRange(ctx context.Context, key string, offset, length int64) (Object, error) {
	start := time.Now()
	o, err := c.bucket.GetRange(ctx, key, offset, length)
	c.tell("get_range", err, time.Since(start), int64(len(o.Data)))
	return o, err
}

func (c *counted) Put(ctx context.Context, key string, body Body) (ETag, error) {
	start := time.Now()
	etag, err := c.bucket.Put(ctx, key, body)
	c.tell("put", err, time.Since(start), body.Len())
	return etag, err
}

func (c *counted) PutIfAbsent(ctx context.Context, key string, body Body) (ETag, error) {
	start := time.Now()
	etag, err := c.bucket.PutIfAbsent(ctx, key, body)
	c.tell("put_if_absent", err, time.Since(start), body.Len())
	return etag, err
}

func (c *counted) PutIfMatch(ctx context.Context, key string, body Body, etag ETag) (ETag, error) {
	start := time.Now()
	etag, err := c.bucket.PutIfMatch(ctx, key, body, etag)
	c.tell("put_if_match", err, time.Since(start), body.Len())
	return etag, err
}

func (c *counted) Delete(ctx context.Context, key string) error {
	start := time.Now()
	err := c.bucket.Delete(ctx, key)
	c.tell("delete", err, time.Since(start), 0)
	return err
}

func (c *counted) DeleteIfMatch(ctx context.Context, key string, etag ETag) error {
	start := time.Now()
	err := c.bucket.DeleteIfMatch(ctx, key, etag)
	c.tell("delete_if_match", err, time.Since(start), 0)
	return err
}

func (c *counted) List(ctx context.Context, prefix, after string, limit int) (Page, error) {
	start := time.Now()
	p, err := c.bucket.List(ctx, prefix, after, limit)
	c.tell("list", err, time.Since(start), 0)
	return p, err
}
