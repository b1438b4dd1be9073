// Package s3 keeps a bucket in an S3-compatible store. It is the only importer of an S3 client.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Bucket is a bucket.Bucket in an S3-compatible store.
//
// Every request has a time limit; one that passed it, and every answer of 5xx, is ErrUnavailable:
// nobody knows whether a write happened. Reads, listings, deletes and plain puts are repeated a few
// times with jitter. A conditional write is not, except after 409 (another conditional write was under
// way, and this one did not happen), because its repetition could meet its own first try.
type Bucket struct {
	client *s3.Client
	name   string
	prefix string // "" or ends with /
	limit  time.Duration
}

var _ bucket.Bucket = (*Bucket)(nil)

// Options are settings that rarely matter.
type Options struct {
	// Timeout of a request, to which a second is added for every MiB it carries; default 5 s.
	Timeout time.Duration
}

// Location is where a bucket lies, as its URL says.
type Location struct {
	Name, Prefix     string
	Endpoint, Region string // "" for what the environment says, and Amazon's own
}

// parameters are what the URL of a bucket may say behind the question mark.
var parameters = []string{"endpoint", "region"}

// Parse reads s3://name/prefix?endpoint=URL&region=REGION.
func Parse(where string) (Location, error) {
	fail := func(format string, args ...any) (Location, error) {
		return Location{}, fmt.Errorf("bucket %.120q: %s; want s3://name/prefix?endpoint=URL&region=REGION", where, fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "s3" {
		return fail("not an s3:// address")
	}
	if u.Host == "" || u.User != nil || u.Fragment != "" {
		return fail("no name of a bucket (credentials come from the environment)")
	}
	l := Location{Name: u.Host, Prefix: strings.Trim(u.Path, "/")}
	if l.Prefix != "" {
		if err := bucket.CheckKey(l.Prefix); err != nil {
			return fail("prefix: %v", err)
		}
		l.Prefix += "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fail("%v", err)
	}
	for name, values := range query {
		if !slices.Contains(parameters, name) {
			return fail("unknown parameter %.40q, known are %s", name, strings.Join(parameters, " and "))
		}
		if len(values) != 1 || values[0] == "" {
			return fail("parameter %s: want it once and not empty", name)
		}
	}
	l.Endpoint, l.Region = query.Get("endpoint"), query.Get("region")
	if l.Endpoint != "" {
		if e, err := url.Parse(l.Endpoint); err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" {
			return fail("endpoint %.80q is not an http or https URL", l.Endpoint)
		}
	}
	return l, nil
}

// Open opens a bucket; it asks the store nothing. Credentials are found the usual AWS way: environment,
// shared files, the machine's role.
func Open(ctx context.Context, where string, o Options) (*Bucket, error) {
	l, err := Parse(where)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost, t.MaxIdleConns = 64, 64
	})
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // see Bucket
	}
	if l.Region != "" {
		load = append(load, config.WithRegion(l.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings: %w", err)
	}
	if cfg.Region == "" {
		if l.Endpoint == "" {
			return nil, fmt.Errorf("bucket %s: no region: add ?region=REGION, or set AWS_REGION", l.Name)
		}
		cfg.Region = "us-east-1" // which stores without regions go by
	}
	b := &Bucket{name: l.Name, prefix: l.Prefix, limit: o.Timeout}
	b.client = s3.NewFromConfig(cfg, func(s *s3.Options) {
		if l.Endpoint != "" {
			s.BaseEndpoint, s.UsePathStyle = aws.String(l.Endpoint), true
		}
		// Other stores do not know the newer checksums; what matters has checksums of its own.
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	return b, nil
}

// timed bounds a request that carries so many bytes.
func (b *Bucket) timed(ctx context.Context, bytes int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.limit+time.Duration(bytes>>20)*time.Second)
}
