package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// maxRefused bounds how many of those that were refused are remembered, to log each once.
const maxRefused = 1000

// refusals counts who was refused for another secret.
type refusals struct {
	log   *slog.Logger
	count atomic.Int64
	mu    sync.Mutex
	known map[string]bool
}

// The word of a peer that refused our certificate: crypto/tls sends this alert for any error of
// VerifyConnection.
const refusedUs = "remote error: tls: bad certificate"

// note counts a handshake that failed, if it did because of who is there. Others, such as that of
// a scanner, are nobody's affair.
func (r *refusals) note(address string, err error) {
	if errors.Is(err, errForeign) || strings.Contains(err.Error(), refusedUs) {
		r.add(address, err.Error())
		return
	}
	r.log.Debug("a connection of another node failed", "address", address, "error", err)
}

func (r *refusals) add(address, reason string) {
	r.count.Add(1)
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	r.mu.Lock()
	if r.known == nil {
		r.known = map[string]bool{}
	}
	first := !r.known[host] && len(r.known) < maxRefused
	if first {
		r.known[host] = true
	}
	r.mu.Unlock()
	if first {
		r.log.Warn("a node with another secret was refused; all nodes of a fleet use the same bucket", "address", address, "reason", reason)
	}
}

// serverLog takes what the embedded server logs. All of it is for debugging, apart from refusals,
// which it tells nobody otherwise.
type serverLog struct {
	log     *slog.Logger
	refused *refusals
	fatal   chan string
}

func (l *serverLog) debug(format string, v []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("nats: " + fmt.Sprintf(format, v...))
	}
}

// Noticef logs what happens.
func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v) }

// Warnf logs what might be wrong.
func (l *serverLog) Warnf(format string, v ...any) { l.debug(format, v) }

// Debugf logs details.
func (l *serverLog) Debugf(format string, v ...any) { l.debug(format, v) }

// Tracef logs nothing: it is never asked for.
func (l *serverLog) Tracef(string, ...any) {}

// Fatalf hears why the server cannot start.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}

// Errorf looks for refusals: "10.0.0.7:6222 - rid:5 - TLS route handshake error: …".
func (l *serverLog) Errorf(format string, v ...any) {
	l.debug(format, v)
	if !strings.Contains(format, "handshake error") {
		return
	}
	text := fmt.Sprintf(format, v...)
	if !strings.Contains(text, errForeign.Error()) && !strings.Contains(text, refusedUs) {
		return
	}
	address, _, _ := strings.Cut(text, " - ")
	_, reason, _ := strings.Cut(text, "handshake error: ")
	l.refused.add(address, reason)
}
