package main

import (
	"context"
	"errors"
	"io"
)

type checkFlags struct{ bucketFlags }

func check(ctx context.Context, f *checkFlags, out io.Writer) error { return errors.New("") }
