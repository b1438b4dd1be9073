package station

import (
	"github.com/mayfly-tv/mayfly/internal/aac"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// loudness changes how loud the sound of a publisher is, frame by frame on its way into its take. So everybody hears
// it who hears the source: under its own pictures or others', in a preview, in a recording; and a change needs no cut.
// It is used under the session's lock.
type loudness struct {
	track int       // of its sound; 0: it has none
	form  *aac.Form // nil: it cannot be changed
	why   error     // it could not be, and why
}

// loudnessOf says how the sound among tracks is changed.
func loudnessOf(tracks []media.Track) (l loudness) {
	for _, t := range tracks {
		if t.Codec == media.AAC {
			l.track = t.ID
			l.form, l.why = aac.FormOf(t.Config)
		}
	}
	return l
}

// apply returns a sample so many steps louder. One that cannot be is left as it is: a sound that is too loud is
// better than none.
func (l *loudness) apply(s media.Sample, steps int) media.Sample {
	if steps == 0 || s.Track != l.track || l.form == nil {
		return s
	}
	data, err := l.form.Louder(s.Data, steps)
	if l.why = err; err == nil {
		s.Data = data
	}
	return s
}

// warning tells a producer who wants another loudness why it is not heard.
func (l *loudness) warning(steps int) []take.Warning {
	if steps == 0 || l.why == nil {
		return nil
	}
	return []take.Warning{{Kind: take.Gain, Text: "its gain cannot be changed here: its encoder does not send AAC-LC. Set AAC-LC (OBS: AAC) in the encoder, or change the gain there"}}
}

// wants says how loud the channel wants the source.
func (x *Session) wants(c *channel.Channel) {
	steps := 0
	if s := c.Source(x.source); s != nil {
		steps = aac.Steps(s.Gain)
	}
	x.steps.Store(int32(steps))
}
