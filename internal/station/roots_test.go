package station

import (
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bundle"
)

// TestNeed: of several who need an incarnation, the one that needs most counts, and what is not known stays unknown.
func TestNeed(t *testing.T) {
	a, b, c := bundle.Incarnation{Node: "n", ID: "a"}, bundle.Incarnation{Node: "n", ID: "b"}, bundle.Incarnation{Node: "n", ID: "c"}
	roots := bundle.Roots{a: {None: true}, b: {From: 20}}
	for _, n := range []struct {
		of   bundle.Incarnation
		from uint64
	}{{a, 7}, {a, 9}, {b, 30}, {b, 12}, {c, 1}} {
		need(roots, n.of, n.from)
	}
	if len(roots) != 2 || roots[a] != (bundle.Need{From: 7}) || roots[b] != (bundle.Need{From: 12}) {
		t.Errorf("%v", roots)
	}
}
