package station

import (
	"context"
	"slices"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Newest returns an init and the newest keyframe of a take, with what follows it in its part. ErrNotFound: this node
// does not have the take, or nothing of it that can be shown.
func (s *Station) Newest(ctx context.Context, id media.TakeID) ([]byte, error) {
	l := s.store.Log(id)
	if l == nil || l.Take().Rendition(media.Main) == nil || picture(l) == nil {
		return nil, ErrNotFound
	}
	list := l.Listing(liveListing)
	for _, segment := range slices.Backward(list.Segments) {
		if !segment.Independent || len(segment.Parts) == 0 {
			continue
		}
		parts, changed, err := s.store.Open(ctx, media.Address{Take: id, Rendition: media.Main, Segment: segment.Number, Run: true})
		if err != nil || changed != nil {
			return nil, ErrNotFound
		}
		return slices.Concat(append([][]byte{l.Take().Rendition(media.Main).Init}, parts...)...), nil
	}
	return nil, ErrNotFound
}
