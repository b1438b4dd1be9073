package push

import (
	"bufio"
	"errors"
	"io"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// maxFragment bounds a fragment that Read reads.
const maxFragment = 64 << 20

// Read reads a stream of fragmented MP4, such as ffmpeg writes to a pipe, until its end: tracks gives
// the tracks whenever an init comes (video is track 1, audio track 2), sample the samples in the order
// of the stream. Its errors say what is wrong with the stream in words for people.
func Read(r io.Reader, tracks func([]media.Track) error, sample func(media.Sample) error) error {
	boxes := &boxReader{r: bufio.NewReaderSize(r, 64<<10), max: maxFragment}
	var head *header
	for {
		c, err := boxes.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c.init != nil:
			if head, err = readHeader(c.init); err != nil {
				return err
			}
			if head.opus != nil {
				return badCodec("OPUS")
			}
			if err := tracks(head.sinkTracks()); err != nil {
				return err
			}
			continue
		case head == nil:
			return broken("media before its init")
		}
		samples, err := head.read(c.fragment, c.at)
		if err != nil {
			return err
		}
		for _, x := range samples {
			if err := sample(media.Sample{Track: x.slot + VideoTrack, DTS: x.dts, CTO: x.cto, Key: x.key, Data: x.data}); err != nil {
				return err
			}
		}
	}
}

// sinkTracks returns the tracks with the ids that sinks know.
func (h *header) sinkTracks() []media.Track {
	var out []media.Track
	for slot, t := range h.tracks {
		if t != nil {
			own := *t
			own.ID = slot + VideoTrack
			out = append(out, own)
		}
	}
	return out
}
