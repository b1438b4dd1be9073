package account

import (
	"slices"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Action is something that not everybody may do.
type Action int

const (
	See      Action = iota // what producers see of a channel: its settings, its sources without keys, its notices; and watch it
	Cut                    // put a source on air, or take the channel off air
	Moderate               // hold back what viewers say
	Change                 // title, settings, sources
	Share                  // make and revoke playback links
	Keys                   // see and rotate stream keys
	Members                // say who else may do what in the channel
	Burn                   // have graphics drawn into pictures, which takes a node's time
	Delete                 // end the channel
	Create                 // make channels
	Operate                // run the fleet: settings, everybody's accounts and channels
	Own                    // change one's own account: password, passkeys, tokens
)

// Scope bounds what a token may do of what its account may.
type Scope string

const (
	ScopeRead    Scope = "read"    // see, and watch what is private
	ScopeProduce Scope = "produce" // see, cut, moderate, and let others watch by links
	ScopeManage  Scope = "manage"  // and make, change and delete channels, and see their keys
	ScopeOperate Scope = "operate" // and run the fleet
)

// Scopes are all scopes, each with what those before it allow.
var Scopes = []Scope{ScopeRead, ScopeProduce, ScopeManage, ScopeOperate}

// roleActions says what each role in a channel may do. A table, so that it can be read.
var roleActions = map[channel.Role][]Action{
	channel.Owner:     {See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete},
	channel.Producer:  {See, Cut, Moderate, Change, Share, Keys},
	channel.Moderator: {See, Moderate},
}

// scopeActions says what a token of each scope may do, if its account may.
var scopeActions = map[Scope][]Action{
	ScopeRead:    {See},
	ScopeProduce: {See, Cut, Moderate, Share},
	ScopeManage:  {See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create},
	ScopeOperate: {See, Cut, Moderate, Change, Share, Keys, Members, Burn, Delete, Create, Operate},
}

// Caller is who asks for something. Nil is anybody.
type Caller struct {
	Account *Account
	Scopes  []Scope // of the token that was shown; nil for a person who signed in
	Program string  // name of that token
	Root    bool    // showed the administrator's token: has no account, and may do everything
}

// May reports whether the caller may do something, in a channel if the action is about one.
func (c *Caller) May(do Action, in *channel.Channel) bool {
	switch {
	case c == nil:
		return false
	case c.Root:
		return do != Own
	case c.Account == nil || c.Account.Suspended != "":
		return false
	case c.Scopes != nil && !slices.ContainsFunc(c.Scopes, func(s Scope) bool { return slices.Contains(scopeActions[s], do) }):
		return false
	}
	switch do {
	case Own:
		return c.Scopes == nil
	case Create:
		return true
	case Operate:
		return c.Account.Operator
	}
	if in == nil {
		return false
	}
	if c.Account.Operator && (c.Scopes == nil || slices.Contains(c.Scopes, ScopeOperate)) {
		return true
	}
	return slices.Contains(roleActions[in.Role(c.Account.ID)], do)
}

// ID names the caller in the audit trail.
func (c *Caller) ID() string {
	if c == nil || c.Account == nil {
		return ""
	}
	return c.Account.ID
}

// Name names the caller for people.
func (c *Caller) Name() string {
	switch {
	case c == nil:
		return "nobody"
	case c.Root:
		return "administrator's token"
	case c.Program != "":
		return c.Account.Name + " (" + c.Program + ")"
	}
	return c.Account.Name
}
