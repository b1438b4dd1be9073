package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/api"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/deliver"
	"github.com/mayfly-tv/mayfly/internal/ingest/push"
	"github.com/mayfly-tv/mayfly/internal/ingest/rtmp"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// TestGateError gives what keeps somebody from watching the form that viewers are answered with.
func TestGateError(t *testing.T) {
	for err, want := range map[error]error{
		api.ErrPrivate: deliver.ErrPrivate, api.ErrPassword: deliver.ErrPassword, channel.ErrNotFound: deliver.ErrNoChannel,
		fmt.Errorf("keys: %w", bucket.ErrUnavailable): deliver.ErrUnavailable,
	} {
		if got := gateError(err); !errors.Is(got, want) {
			t.Errorf("%v becomes %v, want %v", err, got, want)
		}
	}
	often, ok := errors.AsType[*deliver.OftenError](gateError(&account.OftenError{Wait: time.Minute}))
	if !ok || often.Wait != time.Minute || gateError(nil) != nil {
		t.Errorf("%+v, %v", often, gateError(nil))
	}
}

// TestSuspendedWords tells encoders of both kinds why a channel is suspended.
func TestSuspendedWords(t *testing.T) {
	err := &station.SuspendedError{Reason: "It sells things"}
	const want = "this channel is suspended: It sells things"
	if r, ok := errors.AsType[*rtmp.Refusal](refusal(err)); !ok || r.Text != want || r.Temporary {
		t.Errorf("RTMP: %+v", r)
	}
	if r, ok := errors.AsType[*push.Refusal](pushRefusal(err)); !ok || r.Text != want || r.Status != 403 {
		t.Errorf("push: %+v", r)
	}
}
