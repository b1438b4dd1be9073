package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bucket/s3"
)

// openBucket opens what --bucket names. local says that it lies on this machine.
func openBucket(ctx context.Context, where string) (b bucket.Bucket, local bool, err error) {
	switch {
	case where == "":
		return nil, false, errors.New("--bucket is empty: give a directory, or s3://name/prefix?endpoint=URL&region=REGION")
	case strings.HasPrefix(where, "s3://"):
		b, err := s3.Open(ctx, where, s3.Options{})
		if err != nil {
			return nil, false, err
		}
		return b, false, nil
	case strings.Contains(where, "://"):
		return nil, false, fmt.Errorf("--bucket %.60q: want a directory, or s3://name/prefix?endpoint=URL&region=REGION", where)
	}
	d, err := bucket.OpenDir(where, bucket.DirOptions{})
	if err != nil {
		return nil, false, err
	}
	return d, true, nil
}
