package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// A recording that is complete is gathered: its media is copied out of bundles, which hold what many takes sent at one
// time, into pieces of its own, so that the bundles can go. Until then they stay for it. Its addresses stay the same: the
// index of each take is swapped for one that refers to the pieces, once all of them are there.

const gatherPrefix = "jobs/gather/"

func gatherKey(recording string) string { return gatherPrefix + recording }

// gather has a recording's media copied, by whichever node comes first. It may be called again.
func (l *Library) gather(ctx context.Context, channel, recording string) error {
	j := job{Channel: channel, Clip: recording, Gather: true, Since: l.now().UTC()}
	if err := bucket.Create(ctx, l.docs, gatherKey(recording), j); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return err
	}
	poke(l.gathers)
	return nil
}

// gather copies what a recording consists of. Where another node died, what it wrote is there.
func (w *worker) gather(ctx context.Context) error {
	l, j := w.library, &w.job
	r, err := l.Recording(ctx, j.Channel, j.Clip)
	if errors.Is(err, ErrNotFound) || err == nil && r.State == Whole {
		return l.bucket.Delete(ctx, w.key)
	}
	if err != nil {
		return err
	}
	p, err := l.passages(ctx, j.Channel, j.Clip)
	if err != nil {
		return err
	}
	w.total.Store(int64(r.Duration))
	poster := r.Poster
	for i := range p.Passages {
		reel, err := w.gatherTake(ctx, p.Passages[i].Take)
		if errors.Is(err, bucket.ErrNotFound) && reel == nil {
			continue // nothing of it ever came
		}
		if err != nil {
			return err
		}
		if poster == 0 {
			if poster, err = l.drawPoster(ctx, reel, j.Channel, j.Clip, 1, reel.length()/10); err != nil {
				if passing(err) {
					return err
				}
				w.log.Warn("a recording has no poster", "error", err)
			}
		}
	}
	mixed, err := l.Mixed(ctx, j.Channel, &r)
	if err != nil {
		return err
	}
	// From here on the bundles may go: the nodes that know the indexes as they were ask again long before the collector
	// has come by twice.
	if _, err := l.updateRecording(ctx, j.Channel, j.Clip, func(r *Recording) error {
		r.State, r.Needs, r.Poster, r.Mixed = Whole, nil, poster, &mixed
		return nil
	}); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	w.log.Info("a recording lies in pieces of its own", "duration", r.Duration.Duration(), "size", Size(r.Bytes))
	return l.bucket.Delete(ctx, w.key)
}

// gatherTake copies the media of one take, and swaps its index.
func (w *worker) gatherTake(ctx context.Context, id media.TakeID) (*reel, error) {
	l, j := w.library, &w.job
	x, etag, err := l.loadIndex(ctx, id)
	if err != nil {
		return nil, err
	}
	_, r, err := x.encode()
	if err != nil {
		return nil, err
	}
	if x.count() == 0 { // it is done
		w.done.Add(int64(r.length()))
		return r, nil
	}
	there := map[string]int64{}
	if err := bucket.All(ctx, l.bucket, clipPrefix(j.Channel, j.Clip)+id.String()+"-", func(e bucket.Entry) error {
		there[e.Key] = e.Size
		return nil
	}); err != nil {
		return r, err
	}
	whole := &index{Take: x.Take, Channel: x.Channel, Clip: x.Clip}
	for n, at := 0, 0; at < len(r.places); n++ {
		to, size := r.pieceFrom(at, l.pieceSpan)
		key := mediaKey(j.Channel, j.Clip, id, n)
		if there[key] != size { // what is there whole is not read again
			var body bucket.Body
			for s := at; s < to; s++ {
				data, err := l.reels.read(ctx, &r.places[s])
				if err != nil {
					return r, fmt.Errorf("copy a recording: %w", err)
				}
				body = append(body, data)
			}
			if err := l.putOnce(ctx, key, body); err != nil {
				return r, fmt.Errorf("copy a recording: %w", err)
			}
		}
		parts := make([][]media.PartInfo, 0, to-at)
		for s := at; s < to; s++ {
			parts = append(parts, r.listing.Segments[s].Parts)
			w.done.Add(int64(r.listing.Segments[s].Duration))
		}
		whole.Pieces = append(whole.Pieces, indexed{Bytes: size, Segments: packSegments(parts)})
		at = to
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return r, fmt.Errorf("write index: %w", err)
	}
	if _, err := l.bucket.PutIfMatch(ctx, indexKey(id), bucket.Bytes(text), etag); err != nil {
		return r, fmt.Errorf("write index: %w", err)
	}
	l.reels.forget(id)
	_, r, err = whole.encode()
	return r, err
}

// pieceFrom returns behind which segment the piece ends that begins with one, and its size.
func (r *reel) pieceFrom(from int, span media.Ticks) (to int, size int64) {
	var length media.Ticks
	for to = from; to < len(r.places); to++ {
		more := int64(r.places[to].size)
		if to > from && (size+more > pieceBytes || length >= span) {
			break
		}
		size += more
		length += r.listing.Segments[to].Duration
	}
	return to, size
}
