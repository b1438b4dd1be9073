package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bucket/buckettest"
	"github.com/mayfly-tv/mayfly/internal/bucket/s3"
)

func credentials(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", buckettest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", buckettest.SecretKey)
}

// TestRealServer runs the suite on a real S3 server, under a prefix of its own for each test.
func TestRealServer(t *testing.T) {
	credentials(t)
	server := buckettest.StartS3(t)
	var n atomic.Int64
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		b, err := s3.Open(t.Context(), server.Bucket(fmt.Sprint("test/", n.Add(1))), s3.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

// TestServerAway says what the errors are when the server does not answer, refuses or is misnamed.
func TestServerAway(t *testing.T) {
	credentials(t)
	server := buckettest.StartS3(t)
	open := func(where string) bucket.Bucket {
		b, err := s3.Open(t.Context(), where, s3.Options{Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open(server.Bucket("x"))
	_, err := open(strings.Replace(server.Bucket("x"), "mayfly", "other", 1)).List(t.Context(), "", "", 0)
	if err == nil || !strings.Contains(err.Error(), `no bucket "other"`) || errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("a bucket that is not there: %v", err)
	}
	server.Stop()
	_, err = b.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("x")))
	if !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("PutIfAbsent without a server: %v, want %v", err, bucket.ErrUnavailable)
	}
	server.Start()
	if _, err := b.PutIfAbsent(t.Context(), "k", bucket.Bytes([]byte("x"))); err != nil {
		t.Errorf("PutIfAbsent when it is back: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	_, err = open(server.Bucket("x")).Get(t.Context(), "k")
	if err == nil || !strings.Contains(err.Error(), "credentials") || errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("wrong credentials: %v", err)
	}
}

func TestParse(t *testing.T) {
	got, err := s3.Parse("s3://name/a/b?endpoint=http://127.0.0.1:9000&region=eu-1")
	if want := (s3.Location{Name: "name", Prefix: "a/b/", Endpoint: "http://127.0.0.1:9000", Region: "eu-1"}); err != nil || got != want {
		t.Errorf("Parse = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"s3:///x", "http://name", "s3://name?regoin=x", "s3://name?region=", "s3://k:s@name", "s3://name/a//b", "s3://name?endpoint=ftp://x"} {
		if l, err := s3.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", bad, l)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("s3://name/a/b?endpoint=http://127.0.0.1:9000&region=eu-1")
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := s3.Parse(s); err == nil && l.Name == "" {
			t.Errorf("Parse(%q) gives no name", s)
		}
	})
}

// TestForeignKeys lists only what can be ours: stores show files that they are writing, and others may share a bucket.
func TestForeignKeys(t *testing.T) {
	credentials(t)
	server := buckettest.StartS3(t)
	ours, err := s3.Open(t.Context(), server.Bucket("t"), s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	where, err := url.Parse(server.Bucket("t"))
	if err != nil {
		t.Fatal(err)
	}
	client := awss3.New(awss3.Options{
		BaseEndpoint: aws.String(where.Query().Get("endpoint")), Region: where.Query().Get("region"), UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: buckettest.AccessKey, SecretAccessKey: buckettest.SecretKey}, nil
		}),
	})
	for _, key := range []string{"a", ".a.tmp", "b", "b b", "c", ".c.tmp"} {
		if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &where.Host, Key: aws.String("t/" + key), Body: strings.NewReader(key)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for after, first := "", true; first || after != ""; first = false {
		page, err := ours.List(t.Context(), "", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			got = append(got, e.Key)
		}
		after = page.Next
	}
	if strings.Join(got, " ") != "a b c" {
		t.Errorf("listed %q, want a, b and c", got)
	}
}
