package account

import "time"

// Export is all that the fleet keeps of an account, for its person to take away. Secrets are not in it.
type Export struct {
	ID        string          `json:"id"`
	Email     string          `json:"email"`
	Name      string          `json:"name"`
	Created   time.Time       `json:"created"`
	Confirmed time.Time       `json:"confirmed"`
	Operator  bool            `json:"operator"`
	Password  bool            `json:"password"`
	Tokens    []ExportedToken `json:"tokens"`
	Passkeys  []ExportedKey   `json:"passkeys"`
	Logins    []Login         `json:"logins"`
}

// ExportedToken is a token without its hash.
type ExportedToken struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// ExportedKey is a passkey without its credential.
type ExportedKey struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// Export returns what is kept of the account.
func (a *Account) Export() Export {
	e := Export{
		ID: a.ID, Email: a.Email, Name: a.Name, Created: a.Created, Confirmed: a.Confirmed, Operator: a.Operator, Password: a.Password != "",
		Tokens: []ExportedToken{}, Passkeys: []ExportedKey{}, Logins: append([]Login{}, a.Logins...),
	}
	for _, t := range a.Tokens {
		e.Tokens = append(e.Tokens, ExportedToken{t.ID, t.Name, t.Scopes, t.Created, t.Expires})
	}
	for _, k := range a.Passkeys {
		e.Passkeys = append(e.Passkeys, ExportedKey{k.Name, k.Created})
	}
	return e
}
