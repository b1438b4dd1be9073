package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
)

const (
	visitCookie = "mayfly-visit"
	visitAge    = 600 // seconds
	// invitationCookie is set by the page of an invitation for a moment: in a query the secret would be in logs.
	invitationCookie = "mayfly-invitation"
	callbackPath     = "/login/oidc/callback"
)

// registerProvider answers the addresses that a browser visits on its way to the OpenID provider and back.
func (a *API) registerProvider() {
	a.mux.HandleFunc("GET /login/oidc", a.toProvider)
	a.mux.HandleFunc("GET "+callbackPath, a.fromProvider)
}

// localPath keeps to pages of ours: what a link brings along must not lead elsewhere.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

func (a *API) toProvider(w http.ResponseWriter, r *http.Request) {
	v := visitorOf(r.Context())
	link := ""
	if r.FormValue("link") != "" { // add to the account that is signed in
		if caller, _, err := a.caller(r); err == nil {
			link = caller.ID()
		}
	}
	invitation := ""
	if c, err := r.Cookie(invitationCookie); err == nil {
		invitation = c.Value
	}
	to, keep, err := a.cfg.People.Visit(r.Context(), v.origin+callbackPath, localPath(r.FormValue("next")), invitation, link)
	if err != nil {
		a.backToLogin(w, r, err)
		return
	}
	w.Header().Add("Set-Cookie", cookie(v, visitCookie, keep, visitAge))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (a *API) fromProvider(w http.ResponseWriter, r *http.Request) {
	v := visitorOf(r.Context())
	kept := ""
	if c, err := r.Cookie(cookieFor(v, visitCookie)); err == nil {
		kept = c.Value
	}
	w.Header().Add("Set-Cookie", cookie(v, visitCookie, "", -1))
	if said := r.FormValue("error"); said != "" {
		a.cfg.Log.Info("the OpenID provider sent somebody back", "error", said)
		a.backToLogin(w, r, account.ErrNoProvider)
		return
	}
	who, invited, next, err := a.cfg.People.Return(r.Context(), v.origin+callbackPath, kept, r.FormValue("state"), r.FormValue("code"), v.from)
	if err == nil {
		err = a.join(r.Context(), who, invited)
	}
	var text string
	if err == nil {
		text, err = a.cfg.People.NewSession(r.Context(), who)
	}
	if err != nil {
		a.backToLogin(w, r, err)
		return
	}
	w.Header().Add("Set-Cookie", sessionCookie(v, text))
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

// backToLogin shows the sign-in page with a sentence about what went wrong.
func (a *API) backToLogin(w http.ResponseWriter, r *http.Request, err error) {
	text := "Something went wrong on the way: try again."
	var known huma.StatusError
	if errors.As(a.problem(err), &known) && known.GetStatus() < http.StatusInternalServerError {
		text = known.Error()
	}
	http.Redirect(w, r, "/login?problem="+url.QueryEscape(text), http.StatusSeeOther)
}
