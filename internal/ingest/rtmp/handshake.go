package rtmp

import (
	"crypto/rand"
	"fmt"
	"io"
)

const (
	rtmpVersion   = 3
	handshakeSize = 1536 // C1, C2, S1 and S2
)

// handshake performs the server's side of the plain handshake (RTMP 5.2). Encoders that
// begin with the digest form fall back to the plain one when S1 carries version 0, and all accept
// an exact echo of C1 as S2, so nothing else is needed.
func handshake(rw io.ReadWriter) error {
	c := make([]byte, 1+handshakeSize)
	if _, err := io.ReadFull(rw, c[:1]); err != nil {
		return fmt.Errorf("read C0: %w", err)
	}
	// Decide by the first byte: scanners that speak HTTP or TLS here need not be waited for.
	// Versions above 3 are to be answered with 3; 32 and more are text of another protocol.
	if c[0] < rtmpVersion || c[0] >= 32 {
		return fmt.Errorf("read C0: version %d: want %d, this is not RTMP", c[0], rtmpVersion)
	}
	if _, err := io.ReadFull(rw, c[1:]); err != nil {
		return fmt.Errorf("read C1: %w", err)
	}
	s := make([]byte, 1+2*handshakeSize)
	s[0] = rtmpVersion
	rand.Read(s[9 : 1+handshakeSize]) // S1: time 0, version 0, random; never fails
	copy(s[1+handshakeSize:], c[1:])  // S2
	if _, err := rw.Write(s); err != nil {
		return fmt.Errorf("write S0, S1, S2: %w", err)
	}
	// C2 should echo S1. Its content is not checked: some encoders send their own.
	if _, err := io.ReadFull(rw, c[1:]); err != nil {
		return fmt.Errorf("read C2: %w", err)
	}
	return nil
}
