package mesh

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// maxNode bounds the name of a node.
const maxNode = 100

var errName = errors.New("not a name for the mesh")

// CheckNode says whether a node can have that name in the mesh: 1 to 100 bytes of letters, digits and
// "-_.".
func CheckNode(node string) error {
	if node == "" || len(node) > maxNode {
		return fmt.Errorf("node name of %d bytes, want 1 to %d: %w", len(node), maxNode, errName)
	}
	for i := range len(node) {
		if c := node[i]; !plain(c) && c != '.' {
			return fmt.Errorf("node name %q: byte %#x, want letters, digits and -_.: %w", node, c, errName)
		}
	}
	return nil
}

// CheckSubject says whether a message can have that subject: 1 to MaxSubject bytes of letters, digits,
// dashes and underscores, and dots between them.
func CheckSubject(subject string) error {
	if subject == "" || len(subject) > MaxSubject {
		return fmt.Errorf("subject of %d bytes, want 1 to %d: %w", len(subject), MaxSubject, errName)
	}
	dot := true // a dot may not come here
	for i := range len(subject) {
		c := subject[i]
		if c == '.' && dot || c != '.' && !plain(c) {
			return fmt.Errorf("subject %q: byte %#x at %d, want letters, digits, - and _, and dots between them: %w", subject, c, i, errName)
		}
		dot = c == '.'
	}
	if dot {
		return fmt.Errorf("subject %q ends with a dot: %w", subject, errName)
	}
	return nil
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// token writes a node's name as one element of a subject.
func token(node string) string { return base64.RawURLEncoding.EncodeToString([]byte(node)) }
