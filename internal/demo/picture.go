package demo

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// picture says what an encoder shows: a running clock with milliseconds, a frame counter that goes on
// whatever happens, and the same counter as a row of squares that the page reads.
type picture struct {
	title         string
	width, height int
	fps           int
	kbit          int
	base, deep    string // colours
	tone          int    // Hz
	font          string // file; "" asks for the system's monospaced font
	words         bool   // ffmpeg can draw text
}

// The row of squares: one white square, 20 bits of the number, most significant first, and 3 bits of the
// number modulo 7. At a width of 1280 a square is 40 wide and 16 high, and the row begins 160 from the left
// at the lower edge. web/src/demo/code.ts reads it.
const (
	codeBits   = 20
	checkBits  = 3
	codeModulo = 7
)

// number is which picture is due at a time.
func (p picture) number(epoch, now time.Time) int64 {
	return int64(now.Sub(epoch).Seconds() * float64(p.fps))
}

// args are ffmpeg's arguments up to the output, for a picture that begins with the number first, at now.
func (p picture) args(first int64, now time.Time) []string {
	gop := fmt.Sprint(p.fps) // a keyframe each second
	rate := fmt.Sprintf("%dk", p.kbit)
	return []string{
		"-hide_banner", "-loglevel", "warning", "-nostdin",
		"-re", "-f", "lavfi", "-i", p.background(), "-re", "-f", "lavfi", "-i", p.sound(),
		"-vf", p.filter(first, now),
		"-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-profile:v", "main", "-pix_fmt", "yuv420p", "-threads", "1",
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
		"-c:a", "aac", "-b:a", "96k", "-ac", "2",
	}
}

// background is drawn small and made large: a colour gradient has no edges to lose.
func (p picture) background() string {
	return fmt.Sprintf("gradients=size=320x180:rate=%d:speed=0.008:nb_colors=4:c0=%s:c1=%s:c2=%s:c3=%s:seed=7", p.fps, p.deep, p.base, p.deep, p.base)
}

// sound is a quiet chord and a tick each second.
func (p picture) sound() string {
	f := float64(p.tone)
	return fmt.Sprintf("aevalsrc='0.04*sin(2*PI*%.1f*t)*(0.6+0.4*sin(2*PI*0.13*t))+0.03*sin(2*PI*%.1f*t)+0.03*sin(2*PI*%.1f*t)+0.2*sin(2*PI*1000*t)*lt(mod(t,1),0.04)':s=48000",
		f, f*1.26, f*1.5)
}

func (p picture) filter(first int64, now time.Time) string {
	u := float64(p.width) / 1280 // one unit
	px := func(v float64) int { return int(v*u + 0.5) }
	parts := []string{fmt.Sprintf("scale=%d:%d:flags=bilinear,format=yuv420p", p.width, p.height)}
	// A bar that runs through once a second shows every stutter.
	parts = append(parts,
		fmt.Sprintf("drawbox=x=0:y=%d:w=iw:h=%d:color=black@0.35:t=fill", px(560), px(6)))
	for i := range p.fps {
		w := float64(p.width) / float64(p.fps)
		parts = append(parts, fmt.Sprintf("drawbox=x=%d:y=%d:w=%d:h=%d:color=white@0.9:t=fill:enable='eq(mod(n+%d,%d),%d)'",
			int(float64(i)*w), px(560), int(w)+1, px(6), first, p.fps, i))
	}
	if p.words {
		day := now.Sub(time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())).Seconds()
		parts = append(parts,
			p.text(px(40), fmt.Sprintf("x=w-tw-%d:y=%d", px(56), px(48)), p.title),
			p.text(px(118), fmt.Sprintf("x=(w-tw)/2-%d:y=%d", px(35), px(250)), fmt.Sprintf(`%%{pts\:hms\:%.3f}`, day)),
			p.text(px(72), fmt.Sprintf("x=(w-tw)/2:y=%d", px(420)), fmt.Sprintf(`frame %%{eif\:n+%d\:d\:7}`, first)))
	}
	return strings.Join(append(parts, p.code(first, px)...), ",")
}

func (p picture) text(size int, where, text string) string {
	font := "font=monospace"
	if p.font != "" {
		font = "fontfile='" + p.font + "'"
	}
	return fmt.Sprintf("drawtext=%s:fontcolor=white:shadowcolor=black@0.55:shadowx=2:shadowy=2:fontsize=%d:%s:text='%s'", font, size, where, text)
}

// code draws the row of squares.
func (p picture) code(first int64, px func(float64) int) []string {
	box := func(i, squares int, color, when string) string {
		s := fmt.Sprintf("drawbox=x=%d:y=%d:w=%d:h=%d:color=%s:t=fill", px(float64(160+40*i)), px(704), px(float64(40*squares)), px(16), color)
		if when != "" {
			s += ":enable='" + when + "'"
		}
		return s
	}
	number := fmt.Sprintf("mod(n+%d,%d)", first, 1<<codeBits)
	parts := []string{box(0, 1+codeBits+checkBits, "black", ""), box(0, 1, "white", "")}
	for bit := range codeBits {
		parts = append(parts, box(codeBits-bit, 1, "white", fmt.Sprintf("mod(floor(%s/%d),2)", number, 1<<bit)))
	}
	for bit := range checkBits {
		parts = append(parts, box(codeBits+checkBits-bit, 1, "white", fmt.Sprintf("mod(floor(mod(%s,%d)/%d),2)", number, codeModulo, 1<<bit)))
	}
	return parts
}

// findFont returns a file of a monospaced or plain font, or "".
func findFont() string {
	for _, f := range []string{
		"/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf",
		"/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono-Bold.ttf",
		"/usr/share/fonts/TTF/DejaVuSansMono-Bold.ttf",
		"/usr/share/fonts/truetype/liberation/LiberationMono-Bold.ttf",
		"/usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf",
		"/System/Library/Fonts/Menlo.ttc",
		"/System/Library/Fonts/Monaco.ttf",
	} {
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	return ""
}
