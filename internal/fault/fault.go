// Package fault lets a demonstration and the tests harm a running node from outside: take the bucket away
// from it, cut it off the mesh. It is off unless a port is given for it, and that port must be on the
// loopback interface, because who reaches it may do harm.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Control is what can be harmed in one node.
type Control struct {
	// Mesh cuts the node off the mesh, or joins it again. nil: there is no mesh.
	Mesh func(cut bool)

	bucket *bucket.Faulty
}

// Bucket returns b as the node shall use it from now on: it fails with bucket.ErrUnavailable while it is away.
func (c *Control) Bucket(b bucket.Bucket) bucket.Bucket {
	c.bucket = bucket.NewFaulty(b, 1, bucket.Faults{})
	return c.bucket
}

// Address says whether an address may be listened at: an IP address of the loopback interface and a port.
func Address(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%.60q: want an address such as 127.0.0.1:0: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%.60q: want an address of this machine alone, such as 127.0.0.1:0, because who reaches it can harm the node", address)
	}
	return nil
}

// Serve answers POST /bucket?away=1 or 0 and POST /mesh?cut=1 or 0 until ctx ends.
func (c *Control) Serve(ctx context.Context, ln net.Listener) error {
	s := &http.Server{Handler: c, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(ln); ctx.Err() == nil {
		return fmt.Errorf("serve the control of faults: %w", err)
	}
	return nil
}

// ServeHTTP carries out one fault.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A page of the web can make a browser send a POST here, but not without an Origin.
	if r.Header.Get("Origin") != "" {
		http.Error(w, "This port is not for browsers.", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Send POST /bucket?away=1 or POST /mesh?cut=1; 0 ends it.", http.StatusMethodNotAllowed)
		return
	}
	var err error
	switch r.URL.Path {
	case "/bucket":
		err = carryOut(r, "away", c.bucketAway())
	case "/mesh":
		err = carryOut(r, "cut", c.Mesh)
	default:
		http.Error(w, "There are POST /bucket?away=1 and POST /mesh?cut=1; 0 ends it.", http.StatusNotFound)
		return
	}
	switch {
	case errors.Is(err, errMissing):
		http.Error(w, "This node has no "+strings.TrimPrefix(r.URL.Path, "/")+" that could be taken away.", http.StatusNotImplemented)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		io.WriteString(w, "done\n")
	}
}

func (c *Control) bucketAway() func(bool) {
	if c.bucket == nil {
		return nil
	}
	return c.bucket.Down
}

// Begin takes the bucket away from the start on.
func (c *Control) Begin() { c.bucket.Down(true) }

var errMissing = errors.New("nothing to harm")

func carryOut(r *http.Request, name string, harm func(bool)) error {
	value := r.URL.Query().Get(name)
	if value != "0" && value != "1" {
		return fmt.Errorf("%s=%.20q: want %s=1, or %s=0 to end it", name, value, name, name)
	}
	if harm == nil {
		return errMissing
	}
	harm(value == "1")
	return nil
}
