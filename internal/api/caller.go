package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// visitor is where a request came from and how it saw us.
type visitor struct {
	from   string // address
	origin string // such as https://tv.example.org
	secure bool   // by TLS, as far as we know
}

type (
	visitorKey struct{}
	callerKey  struct{}
)

func visitorOf(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}

// callerOf returns who asks; nil is anybody.
func callerOf(ctx context.Context) *account.Caller {
	c, _ := ctx.Value(callerKey{}).(*account.Caller)
	return c
}

// visitor reads where a request came from. A proxy that is known as one is believed.
func (a *API) visitor(r *http.Request) visitor {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	v := visitor{from: host, secure: r.TLS != nil}
	if a.proxy(host) {
		hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
		for i := len(hops) - 1; i >= 0; i-- { // the nearest that is no proxy of ours
			hop := strings.TrimSpace(hops[i])
			if _, err := netip.ParseAddr(hop); err != nil {
				break
			}
			if v.from = hop; !a.proxy(hop) {
				break
			}
		}
		v.secure = v.secure || r.Header.Get("X-Forwarded-Proto") == "https"
	}
	if public, ok := strings.CutPrefix(a.cfg.Public, "https://"); ok && strings.EqualFold(strings.TrimSuffix(public, "/"), r.Host) {
		v.secure = true // something before us ends TLS
	}
	v.origin = "http://" + r.Host
	if v.secure {
		v.origin = "https://" + r.Host
	}
	return v
}

func (a *API) proxy(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, p := range a.cfg.Proxies {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// cookieName is the session's cookie; with TLS it has a prefix that keeps other hosts of the domain from setting it.
const cookieName = "mayfly"

func cookieFor(v visitor, name string) string {
	if v.secure {
		return "__Host-" + name
	}
	return name
}

// cookie makes a cookie that only we read; a negative age deletes it. Lax: a link from elsewhere finds the person signed in, a form does not.
func cookie(v visitor, name, value string, age int) string {
	c := http.Cookie{Name: cookieFor(v, name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode}
	return c.String()
}

// sessionCookie keeps a session.
func sessionCookie(v visitor, text string) string {
	return cookie(v, cookieName, text, int(account.SessionLife.Seconds()))
}

// signedIn marks an operation that needs a person or a program with rights.
var signedIn = []map[string][]string{{"token": {}}, {"session": {}}}

// identify finds out who asks, and refuses operations that need somebody.
func (a *API) identify(doc huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		caller, renewed, err := a.caller(r)
		if errors.Is(err, account.ErrSuspended) && len(ctx.Operation().Security) == 0 {
			err = nil // may look around, sign out, and sign in as somebody else
		}
		if err != nil {
			a.refuse(doc, ctx, err)
			return
		}
		if caller == nil && len(ctx.Operation().Security) > 0 {
			ctx.SetHeader("WWW-Authenticate", "Bearer")
			huma.WriteErr(doc, ctx, http.StatusUnauthorized, "This needs somebody who may: sign in at /login, or send the header `Authorization: Bearer TOKEN` with a token of your account or the value of MAYFLY_ADMIN_TOKEN.")
			return
		}
		if renewed != "" {
			ctx.AppendHeader("Set-Cookie", sessionCookie(visitorOf(ctx.Context()), renewed))
		}
		next(huma.WithValue(ctx, callerKey{}, caller))
	}
}

// refuse answers a request whose proof of who asks is none.
func (a *API) refuse(doc huma.API, ctx huma.Context, err error) {
	if errors.Is(err, account.ErrRefused) {
		ctx.SetHeader("WWW-Authenticate", "Bearer")
		huma.WriteErr(doc, ctx, http.StatusUnauthorized, "That token is not known here: it may be revoked, too old or cut off. Make one on your account's page, or compare it with the value of MAYFLY_ADMIN_TOKEN that the node was started with.")
		return
	}
	problem := a.problem(err)
	status := http.StatusInternalServerError
	var known huma.StatusError
	if errors.As(problem, &known) {
		status = known.GetStatus()
	}
	var headed huma.HeadersError
	if errors.As(problem, &headed) {
		for name, values := range headed.GetHeaders() {
			for _, v := range values {
				ctx.AppendHeader(name, v)
			}
		}
	}
	huma.WriteErr(doc, ctx, status, problem.Error())
}

// caller returns who a request proves to come from; nil is anybody. A header counts before a cookie. A session that
// does not count any more is like none, so that pages that need nobody go on. renewed is a new text for a session
// that has come of age.
func (a *API) caller(r *http.Request) (c *account.Caller, renewed string, err error) {
	v := visitorOf(r.Context())
	if header := r.Header.Get("Authorization"); header != "" {
		given, ok := strings.CutPrefix(header, "Bearer ")
		sum := sha256.Sum256([]byte(given))
		switch {
		case !ok || given == "":
			return nil, "", account.ErrRefused
		case a.cfg.Token != "" && subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1:
			return &account.Caller{Root: true}, "", nil
		}
		c, err = a.cfg.People.ByToken(r.Context(), given, v.from)
		return c, "", err
	}
	kept, err := r.Cookie(cookieFor(v, cookieName))
	if err != nil {
		return nil, "", nil
	}
	if a.csrf.Check(r) != nil {
		return nil, "", fmt.Errorf("%w: a page of another site asked for this in your name; nothing was done", errForbidden)
	}
	s, err := a.cfg.People.BySession(r.Context(), kept.Value)
	if errors.Is(err, account.ErrLink) {
		return nil, "", nil
	}
	return s.Caller, s.Renewed, err
}

// errForbidden is wrapped by what somebody is told who may not do something.
var errForbidden = errors.New("forbidden")

// allow returns nil if the caller may do something, and otherwise a sentence that says what is missing.
func (a *API) allow(ctx context.Context, do account.Action, in *channel.Channel) error {
	c := callerOf(ctx)
	if c.May(do, in) {
		return nil
	}
	switch {
	case c.Account != nil && c.Scopes != nil:
		return a.problem(fmt.Errorf("%w: this token's account or scopes (%v) do not allow that", errForbidden, c.Scopes))
	case do == account.Operate:
		return a.problem(fmt.Errorf("%w: only an operator of this server may do that", errForbidden))
	case do == account.Own:
		return a.problem(fmt.Errorf("%w: this is about a person's own account: sign in", errForbidden))
	}
	role := "you have none"
	if in != nil && in.Role(c.ID()) != "" {
		role = "you are its " + string(in.Role(c.ID()))
	}
	return a.problem(fmt.Errorf("%w: this needs another role in the channel (%s): ask its owner", errForbidden, role))
}

// byOperator lets only operators of this server call f.
func byOperator[I, O any](a *API, f func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		if err := a.allow(ctx, account.Operate, nil); err != nil {
			return nil, err
		}
		return f(ctx, in)
	}
}

// bySelf lets only a person who signed in call f, with the own account: a token does not change its account.
func bySelf[I, O any](a *API, f func(context.Context, *account.Account, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		if err := a.allow(ctx, account.Own, nil); err != nil {
			return nil, err
		}
		return f(ctx, callerOf(ctx).Account, in)
	}
}

// note writes down what the caller changed. That it could not be noted does not undo it.
func (a *API) note(ctx context.Context, trail, did, detail string) {
	a.noteBy(ctx, callerOf(ctx), trail, did, detail)
}

// noteAs writes down what a person changed who has just proven to be that one.
func (a *API) noteAs(ctx context.Context, who *account.Account, trail, did, detail string) {
	a.noteBy(ctx, &account.Caller{Account: who}, trail, did, detail)
}

func (a *API) noteBy(ctx context.Context, who *account.Caller, trail, did, detail string) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), bucketTime)
	defer cancel()
	if err := a.cfg.People.Trail().Add(bounded, trail, who, did, detail); err != nil {
		a.cfg.Log.Warn("a change is not in the audit trail", "by", who.Name(), "did", did, "detail", detail, "error", err)
	}
}
