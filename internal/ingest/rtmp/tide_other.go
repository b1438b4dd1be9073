//go:build !linux

package rtmp

import "net"

// poller reads from the connection; only on Linux can it also keep the kernel quiet between beats.
type poller struct{ net *net.TCPConn }

func (r *poller) begin(c *net.TCPConn) error {
	r.net = c
	return nil
}

func (r *poller) end() {}

// read waits until something is there.
func (r *poller) read(p []byte) (n int, empty bool, err error) {
	n, err = r.net.Read(p)
	return n, false, err
}
