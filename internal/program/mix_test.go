package program

import (
	"testing"
	"time"
)

// TestMix writes mixes as the names of sources, and reads them.
func TestMix(t *testing.T) {
	for _, m := range []Mix{
		{Picture: "a", Sound: "b"}, {Picture: "a", Sound: "b", Delay: 120 * time.Millisecond}, {Picture: "a", Sound: "a", Delay: -time.Second},
		{Picture: "a", Sound: "a", Mute: true}, {Picture: "a", Sound: "a"},
		{Picture: "a", Sound: "a", Through: true},
	} {
		name := m.Source()
		if m.Plain() != (name == "a") {
			t.Errorf("%+v is named %q", m, name)
		}
		if got := ParseMix(name); got != m {
			t.Errorf("%q is %+v, want %+v", name, got, m)
		}
	}
	if name := (Mix{Picture: "a", Sound: "b", Delay: time.Second, Mute: true}).Source(); name != (Mix{Picture: "a", Mute: true}).Source() {
		t.Errorf("silence is named %q", name)
	}
	for _, m := range []Mix{{}, {Picture: "a", Delay: MaxDelay + 1}, {Picture: "a", Delay: MinDelay - 1}} {
		if m.Validate() == nil {
			t.Errorf("%+v is allowed", m)
		}
	}
}
