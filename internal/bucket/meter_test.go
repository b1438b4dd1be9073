package bucket

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m Meter
	now := time.Unix(1_800_000_000, 0)
	for minute := range 90 {
		m.Observe("put", now.Add(time.Duration(minute)*time.Minute))
	}
	m.Observe("get", now.Add(89*time.Minute))
	if got := m.LastHour(now.Add(89 * time.Minute)); got["put"] != 60 || got["get"] != 1 {
		t.Errorf("%v", got)
	}
	if got := m.LastHour(now.Add(3 * time.Hour)); len(got) != 0 {
		t.Errorf("two hours later: %v", got)
	}
}
