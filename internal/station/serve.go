package station

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// MeshHandler answers the requests of other nodes for media: to follow a take, to witness, and for
// bundles that the bucket does not have yet.
func (s *Station) MeshHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mesh/takes/{take}", func(w http.ResponseWriter, r *http.Request) { s.fleet.serveTake(w, r) })
	mux.HandleFunc("POST /mesh/witness", func(w http.ResponseWriter, r *http.Request) { s.fleet.serveWitness(w, r) })
	mux.HandleFunc("GET /mesh/stored", func(w http.ResponseWriter, r *http.Request) { s.fleet.serveStored(w, r) })
	return mux
}

// serveTake feeds a follower.
func (f *fleet) serveTake(w http.ResponseWriter, r *http.Request) {
	id, err := media.ParseTakeID(r.PathValue("take"))
	from, fromErr := parsePos(r.FormValue("from"))
	refs, refsErr := strconv.ParseUint(r.FormValue("refs"), 10, 32)
	if refsErr != nil { // not said
		refs = uint64(from.Segment)
	}
	if err != nil || fromErr != nil {
		http.Error(w, "want /mesh/takes/{take}?from={segment}.{part}", http.StatusBadRequest)
		return
	}
	l := f.station.store.Log(id)
	if l == nil || !l.Ended() && l.Take().Node != f.station.cfg.Spool.Node() && !f.relays(l.Take().Channel, id) {
		http.Error(w, "this node does not have that take", http.StatusNotFound)
		return
	}
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/vnd.mayfly.take")
	flush := func() error {
		if err := out.SetWriteDeadline(time.Now().Add(followerTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return out.Flush()
	}
	if err := l.Feed(r.Context(), from, uint32(refs), w, flush); err != nil && r.Context().Err() == nil {
		f.station.log.Debug("a follower was lost", "take", id, "error", err)
	}
}

// followerTime is how long a follower may take nothing of what it is fed before it is given up.
const followerTime = 10 * time.Second

// relays reports whether this node is fed with a take by its writer.
func (f *fleet) relays(channel string, id media.TakeID) bool {
	p := f.station.byChannel(channel)
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	feed := p.follow.feeds[id]
	return feed != nil && feed.direct
}

// parsePos reads segment.part.
func parsePos(s string) (media.Pos, error) {
	segment, part, _ := strings.Cut(s, ".")
	a, err := strconv.ParseUint(segment, 10, 32)
	if err != nil {
		return media.Pos{}, fmt.Errorf("place %.40q in a take: want segment.part", s)
	}
	b, err := strconv.ParseUint(part, 10, 32)
	if err != nil {
		return media.Pos{}, fmt.Errorf("place %.40q in a take: want segment.part", s)
	}
	return media.Pos{Segment: uint32(a), Part: uint32(b)}, nil
}

// serveStored serves bytes of a bundle of this node that the bucket may not have.
func (f *fleet) serveStored(w http.ResponseWriter, r *http.Request) {
	i, err := bundle.ParseIncarnation(r.FormValue("incarnation"))
	var numbers [3]uint64
	for n, name := range []string{"sequence", "offset", "length"} {
		bits := 32
		if n == 0 {
			bits = 64
		}
		v, parseErr := strconv.ParseUint(r.FormValue(name), 10, bits)
		if numbers[n] = v; parseErr != nil {
			err = parseErr
		}
	}
	if err != nil {
		http.Error(w, "want incarnation, sequence, offset and length", http.StatusBadRequest)
		return
	}
	read := f.station.cfg.Spool.ReadAt
	if r.FormValue("landed") != "" {
		read = f.station.cfg.Spool.ReadLanded
	}
	data, ok := read(bundle.Ref{Incarnation: &i, Sequence: numbers[0], Offset: uint32(numbers[1]), Length: uint32(numbers[2])})
	if !ok {
		http.Error(w, "this node does not have that bundle", http.StatusNotFound)
		return
	}
	w.Write(data)
}

// reader reads stored media back, from the node that wrote it if the bucket does not give it.
type reader struct {
	station *Station
	bundles *bundle.Reader
}

// ReadBundles returns the bytes that refs name, from wherever they are nearest.
func (s *Station) ReadBundles(ctx context.Context, refs []bundle.Ref) ([][]byte, error) {
	return s.read.Read(ctx, refs)
}

// Read returns the bytes that refs name.
func (r reader) Read(ctx context.Context, refs []bundle.Ref) ([][]byte, error) {
	f := r.station.fleet
	if f == nil {
		return r.bundles.Read(ctx, refs)
	}
	if r.station.Health().AwayFor > 0 {
		if out, err := f.stored(ctx, refs); err == nil {
			return out, nil
		}
	}
	out, err := r.bundles.Read(ctx, refs)
	if err != nil && ctx.Err() == nil {
		if other, otherErr := f.stored(ctx, refs); otherErr == nil {
			return other, nil
		}
	}
	return out, err
}

// stored asks the nodes that wrote bundles for bytes of them.
func (f *fleet) stored(ctx context.Context, refs []bundle.Ref) ([][]byte, error) {
	out := make([][]byte, len(refs))
	for n, ref := range refs {
		if ref.Incarnation.Node == f.station.cfg.Spool.Node() {
			data, ok := f.station.cfg.Spool.ReadAt(ref)
			if !ok {
				return nil, mesh.ErrUnreachable
			}
			out[n] = data
			continue
		}
		u := fmt.Sprintf("http://%s/mesh/stored?incarnation=%s&sequence=%d&offset=%d&length=%d", ref.Incarnation.Node, ref.Incarnation, ref.Sequence, ref.Offset, ref.Length)
		if f.station.ended(ref.Incarnation.String()) {
			u += "&landed=1" // its writer may live and have other bytes under the number of the fence
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
		if err != nil {
			return nil, err
		}
		answer, err := f.mesh.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(answer.Body, int64(ref.Length)+1))
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || len(data) != int(ref.Length) {
			return nil, fmt.Errorf("node %s answers %s: %w", ref.Incarnation.Node, answer.Status, mesh.ErrUnreachable)
		}
		out[n] = data
	}
	return out, nil
}
