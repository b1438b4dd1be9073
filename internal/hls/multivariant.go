package hls

import "strconv"

// Variant is one line of a multivariant playlist.
type Variant struct {
	URI              string // of the media playlist, relative to the multivariant playlist
	Codecs           string // RFC 6381, for example "avc1.64001f,mp4a.40.2"
	Bandwidth        int    // peak, bit/s
	AverageBandwidth int    // bit/s, 0 if unknown
	Width, Height    int    // 0 without pictures
	FrameRate        float64
}

// Multivariant renders a multivariant playlist. The first variant is what players begin with.
func Multivariant(variants []Variant) []byte {
	b := []byte("#EXTM3U\n#EXT-X-VERSION:9\n")
	for _, v := range variants {
		b = append(b, "#EXT-X-STREAM-INF:BANDWIDTH="...)
		b = strconv.AppendInt(b, int64(v.Bandwidth), 10)
		if v.AverageBandwidth > 0 {
			b = append(b, ",AVERAGE-BANDWIDTH="...)
			b = strconv.AppendInt(b, int64(v.AverageBandwidth), 10)
		}
		b = append(b, ",CODECS=\""...)
		b = append(b, v.Codecs...)
		b = append(b, '"')
		if v.Width > 0 && v.Height > 0 {
			b = append(b, ",RESOLUTION="...)
			b = strconv.AppendInt(b, int64(v.Width), 10)
			b = append(b, 'x')
			b = strconv.AppendInt(b, int64(v.Height), 10)
		}
		if v.FrameRate > 0 {
			b = append(b, ",FRAME-RATE="...)
			b = strconv.AppendFloat(b, v.FrameRate, 'f', 3, 64)
		}
		b = append(b, '\n')
		b = append(b, v.URI...)
		b = append(b, '\n')
	}
	return b
}
