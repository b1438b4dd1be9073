package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// loadIndex reads the index of a take, and names the version that was read.
func (l *Library) loadIndex(ctx context.Context, id media.TakeID) (*index, bucket.ETag, error) {
	o, err := l.bucket.Get(ctx, indexKey(id))
	if err != nil {
		return nil, "", err
	}
	var x index
	if err := json.Unmarshal(o.Data, &x); err != nil {
		return nil, "", fmt.Errorf("read index: %w", err)
	}
	return &x, o.ETag, nil
}

// counted says how many segments a take's index has so far.
func (l *Library) counted(ctx context.Context, id media.TakeID) (int, error) {
	x, _, err := l.loadIndex(ctx, id)
	if errors.Is(err, bucket.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return x.count(), nil
}

// count says how many segments there are in pieces with refs.
func (x *index) count() (n int) {
	for i := range x.Pieces {
		n += x.Pieces[i].Count
	}
	return n
}

// measure says how long a take is and how many bytes it has, as far as there is something of it.
func (l *Library) measure(ctx context.Context, id media.TakeID) (length media.Ticks, bytes int64, err error) {
	x, _, err := l.loadIndex(ctx, id)
	if errors.Is(err, bucket.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	for i := range x.Pieces {
		bytes += x.Pieces[i].Bytes
		segments, err := unpackSegments(x.Pieces[i].Segments)
		if err != nil {
			continue // who plays it says so
		}
		for _, parts := range segments {
			for j := range parts {
				length += parts[j].Duration
			}
		}
	}
	return length, bytes, nil
}

// enter adds a passage to what a recording consists of, unless another node has just done so: then that one counts.
func (l *Library) enter(ctx context.Context, p *passages, n passage) (*passage, error) {
	now, err := bucket.Update(ctx, l.docs, passagesKey(p.Channel, p.Recording), func(d *passages) error {
		d.Channel, d.Recording = p.Channel, p.Recording
		for i := range d.Passages {
			if d.Passages[i].Entry == n.Entry && d.Passages[i].From == n.From {
				return errHeld
			}
		}
		d.Passages = append(d.Passages, n)
		return nil
	})
	if err != nil && !errors.Is(err, errHeld) {
		return nil, err
	}
	*p = now
	for i := range p.Passages {
		if p.Passages[i].Entry == n.Entry && p.Passages[i].From == n.From {
			return &p.Passages[i], nil
		}
	}
	return nil, ErrNotFound
}

// done notes that nothing is added to a passage any more.
func (l *Library) done(ctx context.Context, p *passages, which *passage) error {
	id := which.Take
	length, bytes, err := l.measure(ctx, id)
	if err != nil {
		return err
	}
	now, err := bucket.Update(ctx, l.docs, passagesKey(p.Channel, p.Recording), func(d *passages) error {
		for i := range d.Passages {
			if x := &d.Passages[i]; x.Take == id {
				x.Done, x.Length, x.Bytes = true, length, bytes
			}
		}
		return nil
	})
	if err == nil {
		*p = now
	}
	return err
}

// extend adds segments to the index of a passage's take, by compare-and-swap. Those that another node has added are
// passed over.
func (l *Library) extend(ctx context.Context, channel, recording string, p *passage, t *media.Take, kept []take.Kept) error {
	for try := 1; ; try++ {
		x, etag, err := l.loadIndex(ctx, p.Take)
		if errors.Is(err, bucket.ErrNotFound) {
			main := t.Rendition(media.Main)
			if main == nil {
				return fmt.Errorf("take %s has no rendition %s", t.ID, media.Main)
			}
			x = &index{Channel: channel, Clip: recording, Origin: t.Node + "/" + t.Incarnation, Take: media.Take{
				ID: p.Take, Channel: channel, Source: t.Source, Born: p.Begin, Renditions: []media.Rendition{*main},
			}}
		} else if err != nil {
			return err
		}
		if !x.add(p.From, kept) {
			return nil
		}
		text, err := json.Marshal(x)
		if err != nil {
			return fmt.Errorf("write index: %w", err)
		}
		if etag == "" {
			_, err = l.bucket.PutIfAbsent(ctx, indexKey(p.Take), bucket.Bytes(text))
		} else {
			_, err = l.bucket.PutIfMatch(ctx, indexKey(p.Take), bucket.Bytes(text), etag)
		}
		if err == nil {
			l.forget(p.Take) // what this node knows of it is less
			return nil
		}
		// What was written with an unknown outcome is found there by the next try.
		if !errors.Is(err, bucket.ErrPrecondition) && !errors.Is(err, bucket.ErrUnavailable) || try == putTries {
			return fmt.Errorf("write index: %w", err)
		}
		if err := l.pause(ctx, try); err != nil {
			return err
		}
	}
}

// add adds the segments that follow those that are there, of a passage that begins with a segment of its source. It
// reports whether there were any.
func (x *index) add(from uint32, kept []take.Kept) bool {
	next := from + uint32(x.count())
	piece := indexed{}
	var parts [][]media.PartInfo
	var refs [][]bundle.Ref
	for i := range kept {
		k := &kept[i]
		if k.Number != next {
			continue
		}
		next++
		parts, refs = append(parts, k.Parts), append(refs, k.Refs)
		piece.Bytes += int64(sizeOf(k.Refs))
		piece.Count++
	}
	if piece.Count == 0 {
		return false
	}
	piece.Segments, piece.Refs = packSegments(parts), packRefs(refs)
	x.Pieces = append(x.Pieces, piece)
	return true
}
