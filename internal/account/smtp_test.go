package account

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailbox is a mail server that keeps letters.
type mailbox struct{ letters chan string }

func (m mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: m}, nil }

type mailSession struct {
	box    mailbox
	signed bool
	to     string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "tv" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.signed = true
		return nil
	}), nil
}
func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.signed {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.box.letters <- s.to + "\n" + string(b)
	return err
}
func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// TestSMTP sends a letter by a real mail server.
func TestSMTP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box := mailbox{make(chan string, 1)}
	server := smtp.NewServer(box)
	server.AllowInsecureAuth = true
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	defer func() { server.Close(); <-served }()
	m, err := NewSMTP("smtp+insecure://tv:secret@"+ln.Addr().String(), "tv@example.org")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := m.Send(ctx, "ada@example.org", "Grüße\nBcc: eve@example.org", "A link:\nhttps://tv.example.org/login/confirm#abc\n"); err != nil {
		t.Fatal(err)
	}
	letter := <-box.letters
	if !strings.HasPrefix(letter, "ada@example.org\n") || !strings.Contains(letter, "https://tv.example.org/login/confirm#abc") || strings.Contains(letter, "\nBcc:") {
		t.Errorf("the letter:\n%s", letter)
	}
	wrong, err := NewSMTP("smtp+insecure://tv:wrong@"+ln.Addr().String(), "tv@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := wrong.Send(ctx, "ada@example.org", "x", "y"); err == nil || strings.Contains(err.Error(), "wrong") && strings.Contains(err.Error(), "tv:wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	must, err := NewSMTP("smtp://"+ln.Addr().String(), "tv@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := must.Send(ctx, "ada@example.org", "x", "y"); err == nil {
		t.Error("a letter went without TLS though it was asked for")
	}
	for _, bad := range []string{"", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://mail.example.org:x"} {
		if _, err := NewSMTP(bad, "tv@example.org"); err == nil {
			t.Errorf("%q is taken for a mail server", bad)
		}
	}
	if _, err := NewSMTP("smtp://mail.example.org", "nobody"); err == nil || errors.Is(err, io.EOF) {
		t.Error("a sender that is no address is taken")
	}
}
