package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// openBucket opens what --bucket names. local says that it lies on this machine.
func openBucket(_ context.Context, where string) (b bucket.Bucket, local bool, err error) {
	switch {
	case where == "":
		return nil, false, errors.New("--bucket is empty: give a directory, or s3://name/prefix?endpoint=URL&region=REGION")
	case strings.HasPrefix(where, "s3://"):
		return nil, false, errors.New("s3")
	case strings.Contains(where, "://"):
		return nil, false, fmt.Errorf("--bucket %.60q: want a directory, or s3://name/prefix?endpoint=URL&region=REGION", where)
	}
	d, err := bucket.OpenDir(where, bucket.DirOptions{})
	if err != nil {
		return nil, false, err
	}
	return d, true, nil
}
