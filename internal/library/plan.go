package library

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// frameRate is a frame rate, exactly.
type frameRate struct{ num, den int64 }

// rates are the frame rates that clips have. A film keeps its own, another gets the next one that loses no picture.
var rates = []frameRate{{10, 1}, {12, 1}, {15, 1}, {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001}, {60, 1}}

func (r frameRate) float() float64 { return float64(r.num) / float64(r.den) }
func (r frameRate) String() string { return fmt.Sprintf("%d/%d", r.num, r.den) }
func (r frameRate) frames(d float64) int64 {
	return int64(math.Round(d * r.float()))
}

// rateFor returns the frame rate of a clip made of a film of so many frames per second.
func rateFor(fps float64) frameRate {
	for _, r := range rates {
		if math.Abs(fps/r.float()-1) < 0.0004 {
			return r
		}
	}
	i := slices.IndexFunc(rates, func(r frameRate) bool { return r.float() >= fps*0.99 })
	if i < 0 || fps <= 0 {
		return frameRate{30, 1}.orFaster(fps)
	}
	return rates[i]
}

func (r frameRate) orFaster(fps float64) frameRate {
	if fps > r.float() {
		return rates[len(rates)-1]
	}
	return r
}

const (
	longSide, shortSide = 1920, 1080
	// maxCopied is the bitrate up to which pictures are kept as they are: more than that viewers cannot follow.
	maxCopied = 12_000_000
	soundRate = 48000
	soundStep = 1024 // samples of a frame of AAC
	// stillRate is how often a picture that does not move is shown.
	stillRate = 10
	// offset is added to all times that ffmpeg writes, so that none is negative.
	offset = 10
)

// plan says how a file becomes a take. The same file gives the same plan on every node.
type plan struct {
	video, audio  int  // indexes of the streams; -1: none
	still         bool // the picture does not move
	card          bool // the picture is one that is made for it
	copyVideo     bool
	copyAudio     bool
	rate          frameRate
	group         int64 // frames of a segment
	width, height int   // the box that pictures fit into
	side          int   // the shorter side of the picture that comes out
	hold          time.Duration
	total         media.Ticks
	threads       int
}

// planOf makes the plan for a file. Segments are to last so long.
func planOf(info ffmpeg.Info, o Origin, segment time.Duration, mayCopy bool) (plan, error) {
	p := plan{video: -1, audio: -1, total: media.TicksOf(info.Duration), threads: max(1, runtime.NumCPU()/2)}
	v, a := info.Video, info.Audio
	if a != nil {
		p.audio = a.Index
	}
	switch {
	case v == nil || v.Still:
		p.still, p.rate = true, frameRate{stillRate, 1}
		if p.card = v == nil; !p.card {
			p.video = v.Index
		}
		if a == nil {
			p.total = media.Ticks(o.Seconds) * media.TicksPerSecond
		}
	default:
		p.video, p.rate = v.Index, rateFor(v.Rate)
		if a != nil && v.Duration > 0 && a.Duration > v.Duration+time.Second/2 {
			p.hold = a.Duration - v.Duration
		}
	}
	p.group = max(1, p.rate.frames(segment.Seconds()))
	p.width, p.height = longSide, shortSide
	if v != nil && (v.Width < v.Height) != (v.Rotation%180 != 0) {
		p.width, p.height = shortSide, longSide
	}
	p.side = shortSide
	if v != nil {
		p.side = min(v.Width, v.Height, shortSide)
	}
	if mayCopy && !p.still {
		p.copyVideo = p.fits(info)
		p.copyAudio = p.copyVideo && a != nil && a.Codec == "aac" && a.Profile == "LC" && a.Channels <= 2 && (a.SampleRate == 44100 || a.SampleRate == 48000)
	}
	if p.total > maxLength {
		return p, &ffmpeg.Error{Words: fmt.Sprintf("it lasts %.0f hours, and a clip has at most %d: cut it into several", p.total.Seconds()/3600, maxLength/media.TicksPerSecond/3600)}
	}
	return p, nil
}

// maxLength is how long a clip may be.
const maxLength = 24 * 60 * 60 * media.TicksPerSecond

// fits reports whether pictures may be kept as they are, if their keyframes are close enough, which is seen on the way.
func (p *plan) fits(info ffmpeg.Info) bool {
	v := info.Video
	long, short := max(v.Width, v.Height), min(v.Width, v.Height)
	container := false
	for name := range strings.SplitSeq(info.Format, ",") {
		container = container || slices.Contains([]string{"mp4", "mov", "matroska", "flv", "mpegts"}, name)
	}
	return container && v.Codec == "h264" && v.Pixels == "yuv420p" && slices.Contains([]string{"Constrained Baseline", "Baseline", "Main", "High"}, v.Profile) &&
		long <= longSide && short <= shortSide+8 && v.Rate > 0 && v.Rate <= 60.5 && v.Rotation == 0 && !v.Interlaced && p.hold == 0 &&
		info.Bitrate > 0 && info.Bitrate <= maxCopied
}

// position is where in a file and its take the making of a clip goes on.
type position struct {
	take.Stretch
	Video int64 `json:"video"` // decode time of the next picture, in the time scale of its track
	// Origin is what the time of the file was at the beginning of the take, in the time scale of the pictures.
	Origin int64 `json:"origin,omitempty"`
	Scale  int64 `json:"scale,omitempty"` // that time scale; 0 at the beginning, when it is not known
}

// begins reports whether nothing was made so far.
func (at position) begins() bool { return at.Scale == 0 }

// seconds returns the time in the file at which the next picture is shown.
func (at position) seconds() float64 {
	if at.begins() {
		return 0
	}
	return float64(at.Video+at.Origin) / float64(at.Scale)
}

// args are those of the run of ffmpeg that makes everything from a position on: a fragmented MP4 on its standard
// output, in which every time is that of the file and offset. card is the picture for sound that has none.
//
// A run that goes on decodes from some seconds before, so that sound and picture come out as if it had not stopped:
// pictures are taken from the same grid of times, and frames of sound begin at the same multiples of their length.
func (p *plan) args(file, card string, at position) []string {
	from := at.seconds()
	args := []string{"-copyts", "-start_at_zero", "-threads", strconv.Itoa(p.threads)}
	picture := file
	switch {
	case p.card:
		args, picture = append(args, "-i", card), card
	case p.still:
		args = append(args, "-i", picture)
	case p.copyVideo:
		args = append(args, seek(from, 0.001)...)
		args = append(args, "-i", picture)
	default:
		args = append(args, seek(from, 8)...)
		args = append(args, "-i", picture)
	}
	firstFrame := max(0, int64(at.At)*soundRate/media.TicksPerSecond/soundStep-4)
	switch {
	case p.audio < 0:
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("anullsrc=r=%d:cl=stereo:d=%.3f", soundRate, p.rest(firstFrame)))
	case p.copyAudio:
		args = append(args, seek(from, 1)...)
		args = append(args, "-i", file)
	default:
		args = append(args, seek(from, 2)...)
		args = append(args, "-i", file)
	}
	args = append(args, "-map", "0:"+strconv.Itoa(max(p.video, 0)), "-map", "1:"+strconv.Itoa(max(p.audio, 0)))
	args = append(args, p.videoArgs(at, from)...)
	args = append(args, p.audioArgs(firstFrame)...)
	return append(args, "-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-output_ts_offset", strconv.Itoa(offset), "-avoid_negative_ts", "disabled",
		"-f", "mp4", "-frag_duration", "1000000",
		"-movflags", "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont", "pipe:1")
}

// rest is how long silence has to be, if need be, to last from a frame of sound to behind the end of the pictures. What is
// too much of it is left out.
func (p *plan) rest(firstFrame int64) float64 {
	return max(0, p.total.Seconds()+p.hold.Seconds()-float64(firstFrame*soundStep)/soundRate) + 2
}

// seek begins to read so many seconds before a time.
func seek(to, before float64) []string {
	if to -= before; to <= 0 {
		return nil
	}
	return []string{"-ss", strconv.FormatFloat(to, 'f', 6, 64)}
}

func (p *plan) videoArgs(at position, from float64) []string {
	if p.copyVideo {
		return []string{"-c:v", "copy"}
	}
	scale := fmt.Sprintf("scale=w='max(2,trunc(iw*sar/2)*2)':h='max(2,trunc(ih/2)*2)',setsar=1,scale=w='min(%d,iw)':h='min(%d,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2", p.width, p.height)
	filters := "bwdif=mode=send_frame:deint=interlaced," + scale
	grid := fmt.Sprintf("fps=fps=%s:start_time=%.6f", p.rate, from)
	args := []string{"-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-profile:v", "high", "-bf", "2"}
	if p.still {
		// One picture, so many times: a limit of frames would end the sound with them. With sound some too many, of which
		// those that come after it are left out.
		n, last := int64(math.Round(from*p.rate.float())), p.total.Seconds()
		if p.audio >= 0 {
			last++
		}
		more := max(0, p.rate.frames(last)-n-1)
		filters = "format=gbrap,premultiply=inplace=1," + scale + fmt.Sprintf(",format=yuv420p,loop=loop=%d:size=1:start=0,setpts=(N+%d)/(%s)/TB", more, n, p.rate)
	}
	filters += "," + grid
	if p.hold > 0 {
		filters += fmt.Sprintf(",tpad=stop_mode=clone:stop_duration=%.3f", p.hold.Seconds())
	}
	bits := 2_000_000
	switch {
	case p.side > 720:
		bits = 8_000_000
	case p.side > 480:
		bits = 4_500_000
	}
	args = append(args, "-vf", filters+",format=yuv420p", "-maxrate", strconv.Itoa(bits), "-bufsize", strconv.Itoa(2*bits), "-threads", strconv.Itoa(p.threads))
	return append(args, "-x264-params", fmt.Sprintf("keyint=%d:min-keyint=%d:scenecut=0:open-gop=0:stitchable=1", p.group, p.group))
}

func (p *plan) audioArgs(firstFrame int64) []string {
	if p.copyAudio {
		return []string{"-c:a", "copy"}
	}
	filters := fmt.Sprintf("aresample=%d:async=1:first_pts=%d", soundRate, firstFrame*soundStep)
	if p.audio < 0 {
		filters = fmt.Sprintf("asetpts=PTS+%d", firstFrame*soundStep)
	}
	if !p.still && p.audio >= 0 {
		filters += fmt.Sprintf(",apad=whole_dur=%.3f", p.rest(firstFrame))
	}
	return []string{"-af", filters, "-c:a", "aac", "-b:a", "160k", "-ac", "2", "-ar", strconv.Itoa(soundRate)}
}
