package rtmp

import (
	"net"
	"time"
)

// tide reads from a connection. While a publication runs it reads in beats: once a read has emptied
// the socket, the next one waits for a point of a grid that all connections share. By then the
// frames of many publishers are there, and they are taken in with one read each and one wake-up for
// all, instead of one wake-up for each frame.
type tide struct {
	net  net.Conn
	pace time.Duration // 0: read at once
	low  bool          // the last read emptied the socket
	now  time.Time     // when the last read returned
	poll poller
}

// begin starts reading in beats, if the connection allows it and pace is above 0.
func (t *tide) begin(pace time.Duration) {
	tcp, ok := t.net.(*net.TCPConn)
	if !ok || pace <= 0 {
		return
	}
	if err := t.poll.begin(tcp); err == nil {
		t.pace, t.low = pace, false
	}
}

// end goes back to reading at once.
func (t *tide) end() {
	if t.pace > 0 {
		t.poll.end()
	}
	t.pace = 0
}

func (t *tide) Read(p []byte) (int, error) {
	n, err := t.read(p)
	t.now = time.Now()
	return n, err
}

func (t *tide) read(p []byte) (int, error) {
	if t.pace <= 0 {
		return t.net.Read(p)
	}
	for {
		if t.low {
			time.Sleep(t.pace - time.Duration(time.Now().UnixNano())%t.pace)
		}
		n, empty, err := t.poll.read(p)
		t.low = n < len(p)
		if !empty {
			return n, err
		}
	}
}
