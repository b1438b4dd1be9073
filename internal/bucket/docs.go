package bucket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"reflect"
	"sync"
	"time"
)

const (
	// maxRemembered is how large a document may be that is remembered, and maxCached how many are.
	maxRemembered = 8 << 10
	maxCached     = 5_000
)

// maxDocument is the largest document that is read or written.
const maxDocument = 1 << 20

// Documents keeps small JSON documents, one object each, that change only by compare-and-swap.
//
// A document is stored in an envelope with its revision (which counts writes) and a random nonce.
// The nonce lets a writer whose answer was lost recognise its own write; both together make sure
// that no two versions have the same bytes, so an ETag made from content cannot return to an old value.
//
// What was read or written last is remembered, if there is room and it is small, and given by Cached while the
// bucket is away.
type Documents struct {
	bucket Bucket

	mu    sync.Mutex
	cache map[string]envelope
}

type envelope struct {
	Revision int64           `json:"revision"`
	Nonce    string          `json:"nonce"`
	Schema   int             `json:"schema"`
	Value    json.RawMessage `json:"value"`
	etag     ETag
}

// Schema is the version of the documents' form that this program writes. A document of a newer
// form is refused, never half understood.
const Schema = 1

// ErrNewerSchema is returned for a document that a newer version of the program wrote.
var ErrNewerSchema = errors.New("document written by a newer version; upgrade this node")

// NewDocuments keeps documents in b.
func NewDocuments(b Bucket) *Documents {
	return &Documents{bucket: b, cache: map[string]envelope{}}
}

// Bucket returns the bucket that the documents lie in.
func (d *Documents) Bucket() Bucket { return d.bucket }

// Load reads a document.
func Load[T any](ctx context.Context, d *Documents, key string) (T, error) {
	var v T
	e, err := d.load(ctx, key)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return v, fmt.Errorf("load %s: %w", key, err)
	}
	return v, nil
}

// LoadIfThere reads a document as Load does; one that is not there is the zero value, as it is to Update.
func LoadIfThere[T any](ctx context.Context, d *Documents, key string) (T, error) {
	v, err := Load[T](ctx, d, key)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return v, err
}

// LoadListed reads a document that a listing has just named. What this process knows of it is not fetched again
// if the listing says that it is still that version.
func LoadListed[T any](ctx context.Context, d *Documents, listed Entry) (T, error) {
	d.mu.Lock()
	e, known := d.cache[listed.Key]
	d.mu.Unlock()
	if known && listed.ETag != "" && e.etag == listed.ETag {
		var v T
		if err := json.Unmarshal(e.Value, &v); err == nil {
			return v, nil
		}
	}
	return Load[T](ctx, d, listed.Key)
}

// Cached returns the document as it was last read or written by this process.
func Cached[T any](d *Documents, key string) (T, bool) {
	var v T
	d.mu.Lock()
	e, ok := d.cache[key]
	d.mu.Unlock()
	if !ok || json.Unmarshal(e.Value, &v) != nil {
		return v, false
	}
	return v, true
}

// Create writes a document that must not be there yet, else ErrPrecondition.
func Create[T any](ctx context.Context, d *Documents, key string, v T) error {
	value, err := encode(key, v)
	if err != nil {
		return err
	}
	return d.swap(ctx, key, envelope{}, value)
}

// Update changes a document by compare-and-swap: it reads it, lets change work on it, and writes it
// if nobody else did meanwhile; else it begins again, for as long as ctx allows. A document that is
// not there is made from the zero value. An error of change ends the update and is returned as it is.
// change may be called more than once and must have no other effect. Fields that this version does not know stay.
func Update[T any](ctx context.Context, d *Documents, key string, change func(*T) error) (T, error) {
	for try := 0; ; try++ {
		e, err := d.load(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			var zero T
			return zero, err
		}
		var v T
		foreign := false
		if e.Value != nil {
			if foreign, err = decode(e.Value, &v); err != nil {
				return v, fmt.Errorf("update %s: %w", key, err)
			}
		}
		if err := change(&v); err != nil {
			return v, err
		}
		value, err := encode(key, v)
		if err == nil && foreign {
			if value, err = keepForeign(e.Value, value, reflect.TypeFor[T]()); err == nil {
				value, err = encode(key, value)
			}
		}
		if err != nil {
			return v, err
		}
		if err = d.swap(ctx, key, e, value); !errors.Is(err, ErrPrecondition) {
			return v, err
		}
		if err := pause(ctx, try); err != nil {
			return v, fmt.Errorf("update %s: others keep changing it: %w", key, err)
		}
	}
}

func encode(key string, v any) (json.RawMessage, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", key, err)
	}
	if len(value) > maxDocument-1024 {
		return nil, fmt.Errorf("encode %s: document of %d bytes, at most %d are allowed", key, len(value), maxDocument-1024)
	}
	return value, nil
}

func (d *Documents) load(ctx context.Context, key string) (envelope, error) {
	o, err := d.bucket.Get(ctx, key)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			d.forget(key)
		}
		return envelope{}, fmt.Errorf("load %s: %w", key, err)
	}
	var e envelope
	if err := json.Unmarshal(o.Data, &e); err != nil {
		return envelope{}, fmt.Errorf("load %s: not a document: %w", key, err)
	}
	if e.Schema > Schema {
		return envelope{}, fmt.Errorf("load %s: schema %d, this version knows %d: %w", key, e.Schema, Schema, ErrNewerSchema)
	}
	e.etag = o.ETag
	d.remember(key, e)
	return e, nil
}

// swap writes value over old. When the outcome is unknown it looks for its own nonce.
func (d *Documents) swap(ctx context.Context, key string, old envelope, value json.RawMessage) error {
	var nonce [12]byte
	rand.Read(nonce[:])
	e := envelope{Revision: old.Revision + 1, Nonce: hex.EncodeToString(nonce[:]), Schema: Schema, Value: value}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	for try := 0; ; try++ {
		if old.etag == "" {
			e.etag, err = d.bucket.PutIfAbsent(ctx, key, Bytes(data))
		} else {
			e.etag, err = d.bucket.PutIfMatch(ctx, key, Bytes(data), old.etag)
		}
		if err == nil {
			d.remember(key, e)
			return nil
		}
		// Refused, or unknown: the write that was refused may be a second try of our own that a
		// store or a client made after the first one landed.
		if now, loadErr := d.load(ctx, key); loadErr == nil && now.Nonce == e.Nonce {
			return nil
		}
		if !errors.Is(err, ErrUnavailable) || try == 2 {
			return fmt.Errorf("store %s: %w", key, err)
		}
		if pauseErr := pause(ctx, try); pauseErr != nil {
			return fmt.Errorf("store %s: %w", key, err)
		}
	}
}

func (d *Documents) remember(key string, e envelope) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cache, key)
	if len(e.Value) > maxRemembered {
		return
	}
	for any := range d.cache {
		if len(d.cache) < maxCached {
			break
		}
		delete(d.cache, any)
	}
	d.cache[key] = e
}

func (d *Documents) forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cache, key)
}

// pause waits a random while that doubles with each try, up to a second.
func pause(ctx context.Context, try int) error {
	limit := min(10*time.Millisecond<<min(try, 7), time.Second)
	timer := time.NewTimer(time.Duration(mathrand.Int64N(int64(limit))) + time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
