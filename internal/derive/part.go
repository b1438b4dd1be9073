package derive

import (
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// output counts what has come out.
type output struct {
	sequence       uint32
	segment, index uint32
	silence        int64 // frames of it
}

// Emit hands out the parts that are complete. Nobody changes their Data afterwards.
func (m *Mixer) Emit(emit func(media.Part)) {
	for m.begun && len(m.pictures) > 0 && m.at < m.until {
		p := &m.pictures[0]
		end := min(p.end(), m.until)
		if !m.covers(end) {
			return
		}
		n := len(p.shots)
		if end < p.end() { // left in the middle of a part
			for n = 0; n < len(p.shots) && p.shots[n].dts < end; n++ {
			}
		}
		part := m.part(p.shots[:n], end)
		part.Last = p.last || end < p.end()
		if end < p.end() {
			p.shots, p.start, p.duration = p.shots[n:], end, p.end()-end
		} else {
			m.pictures = m.pictures[1:]
		}
		m.at = end
		m.out.index++
		if part.Last {
			m.out.segment, m.out.index = m.out.segment+1, 0
		}
		emit(part)
	}
}

// part makes the next part, of those pictures and the sound before its end.
func (m *Mixer) part(shots []shot, end media.Ticks) media.Part {
	part := media.Part{
		Segment: m.out.segment, Index: m.out.index, Start: m.at - m.zero, Duration: end - m.at,
		Independent: len(shots) > 0 && shots[0].key, Spans: make([]uint32, 2),
	}
	var list []cmaf.Fragment
	for i, f := range []cmaf.Fragment{m.film(shots), m.noise(end)} {
		if len(f.Samples) > 0 {
			m.number(&f)
			part.Spans[i] = uint32(f.Size())
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		f := cmaf.Fragment{Track: m.video.ID, Base: uint64(part.Start), Gap: uint32(part.Duration)}
		m.number(&f)
		part.Spans[0] = uint32(f.Size())
		list = append(list, f)
	}
	part.Data = make([]byte, 0, part.Spans[0]+part.Spans[1])
	for i := range list {
		part.Data = cmaf.AppendFragment(part.Data, &list[i])
	}
	return part
}

func (m *Mixer) number(f *cmaf.Fragment) {
	m.out.sequence++
	f.Sequence = m.out.sequence
}

// film makes the fragment of pictures.
func (m *Mixer) film(shots []shot) cmaf.Fragment {
	f := cmaf.Fragment{Track: m.video.ID}
	for i := range shots {
		s := &shots[i]
		end := s.end
		if i+1 < len(shots) {
			end = shots[i+1].dts
		}
		f.Samples = append(f.Samples, cmaf.Sample{Duration: uint32(end - s.dts), Size: uint32(len(s.data)), CTO: int32(s.pts - s.dts), Key: s.key})
		f.Data = append(f.Data, s.data...)
		m.bytes -= len(s.data)
	}
	if len(shots) > 0 {
		f.Base = uint64(shots[0].dts - m.zero)
	}
	return f
}

// noise makes the fragment of the sound that begins before a time.
func (m *Mixer) noise(end media.Ticks) cmaf.Fragment {
	f := cmaf.Fragment{Track: m.audio.ID, Audio: true}
	add := func(data []byte, duration uint32) {
		f.Samples = append(f.Samples, cmaf.Sample{Duration: duration, Size: uint32(len(data)), Key: true})
		f.Data = append(f.Data, data...)
	}
	if m.silent {
		const span = cmaf.SilentSpan
		f.Base = uint64(m.out.silence * span)
		for ; ticksOf(m.out.silence*span, int64(m.audio.Timescale)) < end-m.zero; m.out.silence++ {
			add(cmaf.SilentFrame, span)
		}
		return f
	}
	n := 0
	for ; n < len(m.sounds) && m.sounds[n].at < end; n++ {
		add(m.sounds[n].data, m.sounds[n].duration)
	}
	if n > 0 {
		f.Base = uint64(m.sounds[0].dts - m.first)
	}
	m.dropSounds(n)
	return f
}
