package station

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestOff(t *testing.T) {
	for _, c := range []struct {
		others []time.Duration // seconds
		want   time.Duration
	}{
		{nil, 0}, {[]time.Duration{1, -1}, 0}, {[]time.Duration{3600, 0}, 0}, {[]time.Duration{10, 11}, 10}, {[]time.Duration{-7, -7, -6}, -7},
		{[]time.Duration{5}, 0}, {[]time.Duration{-5}, -5}, // of two, the one that is ahead gives way
		{[]time.Duration{2, 2}, 0},
	} {
		for i := range c.others {
			c.others[i] *= time.Second
		}
		if got := offOf(c.others); got != c.want*time.Second {
			t.Errorf("with the others at %v the fleet is %v ahead, want %v", c.others, got, c.want*time.Second)
		}
	}
}

// TestNow: the clock that paces plans stands still where the node's goes back, and goes on from there.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := time.Duration(0)
		s := &Station{cfg: Config{Now: func() time.Time { return time.Now().Add(step) }}}
		before := s.now()
		time.Sleep(time.Second)
		if d := s.now().Sub(before); d != time.Second {
			t.Errorf("in a second it went on by %v", d)
		}
		step = -3 * time.Second
		time.Sleep(time.Second)
		if d := s.now().Sub(before); d != time.Second {
			t.Errorf("set back by 3 s it is %v on, want that it stands", d)
		}
		time.Sleep(4 * time.Second)
		if d := s.now().Sub(before); d != 3*time.Second {
			t.Errorf("5 s later it is %v on, want 3 s", d)
		}
	})
}
