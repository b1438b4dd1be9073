package ffmpeg

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

// Error says why a run failed.
type Error struct {
	// Words are a sentence for the person whose file it was.
	Words string
	// Detail is what ffmpeg said last, for the log.
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Words
	}
	return e.Words + " (" + e.Detail + ")"
}

// Words returns the sentence of an error of this package for the person whose file it was.
func Words(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Words
	}
	return err.Error()
}

// sentences are what people are told for what ffmpeg says; the first that is found counts.
var sentences = []struct{ said, words string }{
	{"moov atom not found", "it is damaged or breaks off before its end: copy or record it again, or try another format"},
	{"Protocol '", "the file refers to other files or addresses, which are not followed: upload one that holds everything itself"},
	{"not on whitelist", "the file refers to other files or addresses, which are not followed: upload one that holds everything itself"},
	{"Invalid data found when processing input", "this is no video, sound or picture that can be read: try MP4, MOV, MKV, WebM, MP3, WAV, JPEG or PNG"},
	{"End of file", "this is no video, sound or picture that can be read: try MP4, MOV, MKV, WebM, MP3, WAV, JPEG or PNG"},
	{"does not contain any stream", "there is neither picture nor sound in it"},
	{"Output file is empty", "there is neither picture nor sound in it"},
	{"matches no streams", "there is neither picture nor sound in it"},
	{"Decoder (codec", "it is encoded in a way that this server cannot read: export it as H.264 and AAC"},
	{"Unknown decoder", "it is encoded in a way that this server cannot read: export it as H.264 and AAC"},
	{"Cannot allocate memory", "it needs more memory than a file may have: export it smaller"},
	{"File too large", "the result is larger than a file may be"},
	{"No space left on device", "the disk of the server is full: try again later"},
}

// explain makes an Error of a run that failed.
func explain(program string, err error, said string) error {
	e := &Error{Words: program + " could not read it", Detail: said}
	for _, s := range sentences {
		if strings.Contains(said, s.said) {
			e.Words = s.words
			return e
		}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		e.Detail = err.Error()
		return e
	}
	if e.Detail == "" {
		e.Detail = fmt.Sprintf("%s: %v", program, exit)
	}
	return e
}

// maxWords is how much of what ffmpeg says is kept.
const maxWords = 2 << 10

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu  sync.Mutex
	buf []byte
}

// Write keeps p, and forgets what is too old.
func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	if over := len(l.buf) - maxWords; over > 0 {
		l.buf = append(l.buf[:0], l.buf[over:]...)
	}
	return len(p), nil
}

// String returns what was kept, on one line.
func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(l.buf), "")), " ")
}
