package account

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
)

// cost is what a password costs before TestMain makes it cheap.
var cost = *hashing

// TestHashing keeps the cost of a password at what OWASP asks for at least, and the hash says it.
func TestHashing(t *testing.T) {
	if cost.Memory < 19*1024 || cost.Iterations < 2 || cost.SaltLength < 16 || cost.KeyLength < 32 {
		t.Errorf("a password costs %+v", cost)
	}
	hash, err := argon2id.CreateHash(pass, &cost)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s, %v", hash, err)
	}
}
