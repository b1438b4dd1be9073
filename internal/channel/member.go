package channel

import "slices"

// Role is what a person may do in a channel. What each role allows is the accounts' to say.
type Role string

// The roles, from the one that may do most.
const (
	Owner     Role = "owner"
	Producer  Role = "producer"
	Moderator Role = "moderator"
)

// Roles are all roles.
var Roles = []Role{Owner, Producer, Moderator}

// Valid reports whether the role is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles, r) }

// Member is a person with a role in a channel.
type Member struct {
	Account string `json:"account"`
	Role    Role   `json:"role"`
}

const maxMembers = 100

// Role returns what role an account has in the channel, "" for none.
func (c *Channel) Role(account string) Role {
	for _, m := range c.Members {
		if m.Account == account {
			return m.Role
		}
	}
	return ""
}

// SetRole gives an account a role in the channel, or none with "". A channel that people own keeps an owner:
// SetRole returns an error instead of taking the last one away.
func (c *Channel) SetRole(account string, role Role) error {
	if role != "" && !role.Valid() {
		return invalid("role %q: use one of %v", role, Roles)
	}
	owned := c.owned()
	members := slices.DeleteFunc(slices.Clone(c.Members), func(m Member) bool { return m.Account == account })
	if role != "" {
		members = append(members, Member{account, role})
	}
	if len(members) > maxMembers {
		return invalid("%d people in one channel: use at most %d", len(members), maxMembers)
	}
	if role == "" && len(members) < len(c.Members) {
		c.Turn++ // may have been watching by right of that role
	}
	c.Members = members
	if owned && !c.owned() {
		return invalid("a channel needs an owner: make somebody else an owner first")
	}
	return nil
}

func (c *Channel) owned() bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.Role == Owner })
}
