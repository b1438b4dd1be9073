package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// tries is how often a request is made at most.
const tries = 3

// errConflict is another write under way; this one did not happen.
var errConflict = fmt.Errorf("another write of this object is under way: %w", bucket.ErrUnavailable)

// again calls f until it succeeds, fails for good, or has been tried often enough.
func again(ctx context.Context, while error, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || !errors.Is(err, while) || try == tries || ctx.Err() != nil {
			return err
		}
		wait := time.Duration(rand.Int64N(int64(50*time.Millisecond)<<try)) + 5*time.Millisecond
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// Get reads a whole object.
func (b *Bucket) Get(ctx context.Context, key string) (bucket.Object, error) {
	return b.get(ctx, key, "")
}

// GetRange reads a stretch of an object.
func (b *Bucket) GetRange(ctx context.Context, key string, offset, length int64) (bucket.Object, error) {
	spec := "bytes=" + strconv.FormatInt(offset, 10) // negative: the last so many bytes
	if offset >= 0 {
		if length <= 0 {
			return b.head(ctx, key)
		}
		spec += "-" + strconv.FormatInt(offset+length-1, 10)
	}
	return b.get(ctx, key, spec)
}

func (b *Bucket) get(ctx context.Context, key, spec string) (o bucket.Object, err error) {
	if err := bucket.CheckKey(key); err != nil {
		return o, err
	}
	in := &s3.GetObjectInput{Bucket: &b.name, Key: aws.String(b.prefix + key)}
	if spec != "" {
		in.Range = &spec
	}
	err = again(ctx, bucket.ErrUnavailable, func() error {
		timed, cancel := b.timed(ctx, 8<<20)
		defer cancel()
		out, err := b.client.GetObject(timed, in)
		if err != nil {
			return b.failed(ctx, "get", key, err)
		}
		defer out.Body.Close()
		o = bucket.Object{ETag: bucket.ETag(aws.ToString(out.ETag)), Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
		if _, total, ok := strings.Cut(aws.ToString(out.ContentRange), "/"); ok {
			if n, err := strconv.ParseInt(total, 10, 64); err == nil {
				o.Size = n
			}
		}
		o.Data = make([]byte, 0, aws.ToInt64(out.ContentLength))
		if o.Data, err = readAll(out.Body, o.Data); err != nil {
			return b.failed(ctx, "get", key, err)
		}
		return nil
	})
	if errors.Is(err, errRange) { // the range begins at or behind the end
		return b.head(ctx, key)
	}
	return o, err
}

// readAll appends what r has to data.
func readAll(r io.Reader, data []byte) ([]byte, error) {
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// head returns an object without data.
func (b *Bucket) head(ctx context.Context, key string) (o bucket.Object, err error) {
	if err := bucket.CheckKey(key); err != nil {
		return o, err
	}
	err = again(ctx, bucket.ErrUnavailable, func() error {
		timed, cancel := b.timed(ctx, 0)
		defer cancel()
		out, err := b.client.HeadObject(timed, &s3.HeadObjectInput{Bucket: &b.name, Key: aws.String(b.prefix + key)})
		if err != nil {
			return b.failed(ctx, "get", key, err)
		}
		o = bucket.Object{ETag: bucket.ETag(aws.ToString(out.ETag)), Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
		return nil
	})
	return o, err
}

// Put writes an object, replacing one that is there.
func (b *Bucket) Put(ctx context.Context, key string, body bucket.Body) (etag bucket.ETag, err error) {
	err = again(ctx, bucket.ErrUnavailable, func() error {
		etag, err = b.put(ctx, key, body, &s3.PutObjectInput{})
		return err
	})
	return etag, err
}

// PutIfAbsent writes an object if there is none of that key.
func (b *Bucket) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	return b.putIf(ctx, key, body, &s3.PutObjectInput{IfNoneMatch: aws.String("*")})
}

// PutIfMatch replaces the version of an object that etag names.
func (b *Bucket) PutIfMatch(ctx context.Context, key string, body bucket.Body, etag bucket.ETag) (bucket.ETag, error) {
	tag, err := b.putIf(ctx, key, body, &s3.PutObjectInput{IfMatch: aws.String(string(etag))})
	if errors.Is(err, bucket.ErrNotFound) { // stores differ in what they say of an object that is gone
		err = fmt.Errorf("put %s: there is no object: %w", key, bucket.ErrPrecondition)
	}
	return tag, err
}

// putIf writes under a condition. After the last 409 it is not known who won, so the caller has to look.
func (b *Bucket) putIf(ctx context.Context, key string, body bucket.Body, in *s3.PutObjectInput) (etag bucket.ETag, err error) {
	err = again(ctx, errConflict, func() error {
		etag, err = b.put(ctx, key, body, in)
		return err
	})
	return etag, err
}

func (b *Bucket) put(ctx context.Context, key string, body bucket.Body, in *s3.PutObjectInput) (bucket.ETag, error) {
	if err := bucket.CheckKey(key); err != nil {
		return "", err
	}
	size := body.Len()
	timed, cancel := b.timed(ctx, size)
	defer cancel()
	in.Bucket, in.Key = &b.name, aws.String(b.prefix+key)
	in.Body, in.ContentLength = newReader(body), &size
	out, err := b.client.PutObject(timed, in)
	if err != nil {
		return "", b.failed(ctx, "put", key, err)
	}
	return bucket.ETag(aws.ToString(out.ETag)), nil
}

// Delete removes an object.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return again(ctx, bucket.ErrUnavailable, func() error { return b.delete(ctx, key, nil) })
}

// DeleteIfMatch removes the version of an object that etag names. Because some stores ignore the
// condition, it looks first; between the two another version may come.
func (b *Bucket) DeleteIfMatch(ctx context.Context, key string, etag bucket.ETag) error {
	o, err := b.head(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) || err == nil && o.ETag != etag {
		return fmt.Errorf("delete %s: another version is there: %w", key, bucket.ErrPrecondition)
	}
	if err != nil {
		return err
	}
	return b.delete(ctx, key, aws.String(string(etag)))
}

func (b *Bucket) delete(ctx context.Context, key string, etag *string) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	timed, cancel := b.timed(ctx, 0)
	defer cancel()
	_, err := b.client.DeleteObject(timed, &s3.DeleteObjectInput{Bucket: &b.name, Key: aws.String(b.prefix + key), IfMatch: etag})
	if err = b.failed(ctx, "delete", key, err); errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}

// List returns a stretch of a listing.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) (page bucket.Page, err error) {
	if limit <= 0 || limit > 1000 {
		limit = 1000
	}
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(b.prefix + prefix), MaxKeys: aws.Int32(int32(limit))}
	if after != "" {
		in.StartAfter = aws.String(b.prefix + after)
	}
	err = again(ctx, bucket.ErrUnavailable, func() error {
		timed, cancel := b.timed(ctx, 1<<20)
		defer cancel()
		out, err := b.client.ListObjectsV2(timed, in)
		if err != nil {
			return b.failed(ctx, "list", prefix, err)
		}
		page = bucket.Page{}
		for _, o := range out.Contents {
			key := strings.TrimPrefix(aws.ToString(o.Key), b.prefix)
			if aws.ToBool(out.IsTruncated) {
				page.Next = key
			}
			if bucket.CheckKey(key) != nil {
				continue // not ours: some stores list files that they are just writing
			}
			page.Entries = append(page.Entries, bucket.Entry{
				Key: key, Size: aws.ToInt64(o.Size), ETag: bucket.ETag(aws.ToString(o.ETag)), Modified: aws.ToTime(o.LastModified),
			})
		}
		return nil
	})
	return page, err
}

// errRange says that a range begins at or behind the end of the object.
var errRange = errors.New("range beyond the object")

// failed turns the client's error into one of ours.
func (b *Bucket) failed(ctx context.Context, what, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // the caller's own end, not the limit of a request
		return fmt.Errorf("%s %s: %w", what, key, ctx.Err())
	}
	status, code := 0, ""
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = r.HTTPStatusCode()
	}
	if a, ok := errors.AsType[smithy.APIError](err); ok {
		code = a.ErrorCode()
	}
	wrap := func(kind error) error { return fmt.Errorf("%s %s: %w (%w)", what, key, kind, err) }
	switch {
	case code == "NoSuchBucket":
		return fmt.Errorf("%s %s: there is no bucket %q in this store: create it, or correct --bucket (%w)", what, key, b.name, err)
	case status == http.StatusNotFound:
		return wrap(bucket.ErrNotFound)
	case status == http.StatusPreconditionFailed:
		return wrap(bucket.ErrPrecondition)
	case status == http.StatusConflict:
		return wrap(errConflict)
	case status == http.StatusRequestedRangeNotSatisfiable:
		return wrap(errRange)
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return fmt.Errorf("%s %s: the store refuses these credentials for bucket %q: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their rights (%w)", what, key, b.name, err)
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return fmt.Errorf("%s %s: %w", what, key, err)
	}
	return wrap(bucket.ErrUnavailable)
}

// reader reads a body, slice by slice, without joining them.
type reader struct {
	body   bucket.Body
	size   int64
	at     int64 // position
	index  int   // of the slice that holds it
	offset int64 // of it within that slice
}

func newReader(b bucket.Body) *reader { return &reader{body: b, size: b.Len()} }

func (r *reader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && r.index < len(r.body) {
		m := copy(p[n:], r.body[r.index][r.offset:])
		n += m
		r.at += int64(m)
		if r.offset += int64(m); r.offset == int64(len(r.body[r.index])) {
			r.index, r.offset = r.index+1, 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 || offset > r.size {
		return 0, fmt.Errorf("seek to %d in a body of %d bytes", offset, r.size)
	}
	r.at, r.index, r.offset = offset, 0, offset
	for r.index < len(r.body) && r.offset >= int64(len(r.body[r.index])) {
		r.offset -= int64(len(r.body[r.index]))
		r.index++
	}
	return offset, nil
}
