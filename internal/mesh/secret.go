package mesh

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// secretKey is the object that makes a fleet: who can read it may join.
const secretKey = "fleet/key"

const (
	secretVersion = 1
	secretLength  = 32
	maxSecretFile = 4 << 10
)

// Secret is what the nodes of a fleet share and nobody else knows. It prints as nothing.
type Secret struct{ key [secretLength]byte }

// NewSecret makes a secret up.
func NewSecret() Secret {
	var s Secret
	rand.Read(s.key[:]) // it never fails
	return s
}

// String hides the secret.
func (Secret) String() string { return "(fleet secret)" }

// GoString hides the secret.
func (Secret) GoString() string { return "(fleet secret)" }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("(fleet secret)") }

// MarshalJSON hides the secret.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"(fleet secret)"`), nil }

// derive makes a key for one use out of the secret (HKDF, RFC 5869).
func (s Secret) derive(use string, length int) []byte {
	key, err := hkdf.Key(sha256.New, s.key[:], nil, "mayfly mesh "+use, length)
	if err != nil { // only for lengths of over 8,160
		panic(err)
	}
	return key
}

// password is what routes present within TLS.
func (s Secret) password() string { return hex.EncodeToString(s.derive("cluster password", 24)) }

type secretFile struct {
	Version int    `json:"version"`
	Key     []byte `json:"key"`
}

// LoadSecret reads the secret of the fleet from its bucket, or makes one if there is none. Of several
// nodes that do so at once, all get the same.
func LoadSecret(ctx context.Context, b bucket.Bucket) (Secret, error) {
	o, err := b.Get(ctx, secretKey)
	if errors.Is(err, bucket.ErrNotFound) {
		fresh := NewSecret()
		data, err := json.Marshal(secretFile{secretVersion, fresh.key[:]})
		if err != nil {
			return Secret{}, err
		}
		_, err = b.PutIfAbsent(ctx, secretKey, bucket.Bytes(append(data, '\n')))
		if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
			return Secret{}, fmt.Errorf("write the fleet's secret %s: %w", secretKey, err)
		}
		// What is there counts, whoever wrote it.
		o, err = b.Get(ctx, secretKey)
		if err != nil {
			return Secret{}, fmt.Errorf("read the fleet's secret %s: %w", secretKey, err)
		}
		return parseSecret(o.Data)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("read the fleet's secret %s: %w", secretKey, err)
	}
	return parseSecret(o.Data)
}

func parseSecret(data []byte) (Secret, error) {
	var f secretFile
	if len(data) > maxSecretFile {
		return Secret{}, fmt.Errorf("the fleet's secret %s has %d bytes, want at most %d; put the object back that was there, or remove it and start all nodes anew", secretKey, len(data), maxSecretFile)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return Secret{}, fmt.Errorf("the fleet's secret %s cannot be read; put the object back that was there, or remove it and start all nodes anew", secretKey)
	}
	if f.Version != secretVersion {
		return Secret{}, fmt.Errorf("the fleet's secret %s has version %d, and this release reads version %d: upgrade this node", secretKey, f.Version, secretVersion)
	}
	if len(f.Key) != secretLength {
		return Secret{}, fmt.Errorf("the fleet's secret %s has a key of %d bytes, want %d; put the object back that was there, or remove it and start all nodes anew", secretKey, len(f.Key), secretLength)
	}
	return Secret{key: [secretLength]byte(f.Key)}, nil
}
