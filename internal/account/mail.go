package account

import (
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"

	gomail "github.com/wneessen/go-mail"
)

// SMTP sends letters by a mail server.
type SMTP struct {
	client *gomail.Client
	from   string
}

// NewSMTP makes a mailer of an address such as smtp://user:password@mail.example.org:587 (STARTTLS, which the
// server must have), smtps://… (TLS from the start) or smtp+insecure://… (never TLS, for a server on this machine).
func NewSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("mail server: want an address such as smtp://user:password@mail.example.org:587") // never the address: it has the password
	}
	if _, err := mail.ParseAddress(from); err != nil {
		return nil, fmt.Errorf("sender of letters %q: want an address such as tv@example.org", from)
	}
	options := []gomail.Option{gomail.WithTimeout(letterTime)}
	port := 587
	switch u.Scheme {
	case "smtp":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		port = 465
		options = append(options, gomail.WithSSL())
	case "smtp+insecure":
		port = 25
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("mail server %s://: use smtp, smtps or smtp+insecure", u.Scheme)
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("port of the mail server: %w", err)
		}
	}
	options = append(options, gomail.WithPort(port))
	if user := u.User.Username(); user != "" {
		password, _ := u.User.Password()
		kind := gomail.SMTPAuthAutoDiscover
		if u.Scheme == "smtp+insecure" {
			kind = gomail.SMTPAuthPlainNoEnc
		}
		options = append(options, gomail.WithSMTPAuth(kind), gomail.WithUsername(user), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	return &SMTP{client: client, from: from}, nil
}

// Send sends a letter, and returns when the server has taken it.
func (s *SMTP) Send(ctx context.Context, to, subject, text string) error {
	m := gomail.NewMsg()
	if err := m.From(s.from); err != nil {
		return fmt.Errorf("sender of a letter: %w", err)
	}
	if err := m.To(to); err != nil {
		return fmt.Errorf("receiver of a letter: %w", err)
	}
	m.Subject(subject)
	m.SetBodyString(gomail.TypeTextPlain, text)
	if err := s.client.DialAndSendWithContext(ctx, m); err != nil {
		return fmt.Errorf("send a letter: %w", err)
	}
	return nil
}
