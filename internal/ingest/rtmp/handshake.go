package rtmp

import (
	"crypto/rand"
	"io"
)

const handshakeSize = 1536

// handshake does the server's side of the simple handshake (RTMP 1.0, section 5.2). Encoders that
// begin with a digest (Flash's "complex" handshake) accept it too: they are only told by the zero
// version field that this server makes none.
func handshake(rw io.ReadWriter) error {
	var c [1 + handshakeSize]byte
	if _, err := io.ReadFull(rw, c[:]); err != nil {
		return unexpected(err)
	}
	if c[0] != 3 {
		return malformed("version %d in the handshake, want 3", c[0])
	}
	var s [1 + 2*handshakeSize]byte
	s[0] = 3
	rand.Read(s[9 : 1+handshakeSize])
	copy(s[1+handshakeSize:], c[1:]) // S2 echoes C1
	if _, err := rw.Write(s[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(rw, c[1:]) // C2: what it echoes is of no use to us
	return unexpected(err)
}
