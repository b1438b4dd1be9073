package rtmp

import (
	"io"
	"net"
	"syscall"
)

// quietBytes is how much may lie in a socket before the kernel wakes anybody for it. Less is found
// at the next beat, and without this each arriving frame would wake the runtime's poller, though no
// goroutine waits for it: that is half of the cost of taking a stream in.
const quietBytes = 48 << 10

// poller reads what is there, without waiting.
type poller struct {
	raw   syscall.RawConn
	fn    func(fd uintptr) bool
	p     []byte
	n     int
	errno error
}

func (r *poller) begin(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	r.raw, r.fn = raw, r.once
	return r.quiet(quietBytes)
}

// end makes the socket wake its reader again for every byte.
func (r *poller) end() { r.quiet(1) }

func (r *poller) quiet(bytes int) (err error) {
	if e := r.raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
	}); e != nil {
		return e
	}
	return err
}

// once is one attempt; true keeps the runtime from waiting when there is nothing.
func (r *poller) once(fd uintptr) bool {
	for {
		if r.n, r.errno = syscall.Read(int(fd), r.p); r.errno != syscall.EINTR {
			return true
		}
	}
}

// read returns what is there. empty says that there is nothing yet. The deadlines of the connection
// count as they do for its own Read.
func (r *poller) read(p []byte) (n int, empty bool, err error) {
	r.p = p
	err = r.raw.Read(r.fn)
	r.p = nil
	switch {
	case err != nil:
		return 0, false, err
	case r.errno == syscall.EAGAIN:
		return 0, true, nil
	case r.errno != nil:
		return 0, false, &net.OpError{Op: "read", Net: "tcp", Err: r.errno}
	case r.n == 0:
		return 0, false, io.EOF
	}
	return r.n, false, nil
}
