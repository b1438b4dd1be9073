package sim

import (
	"encoding/json"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// cheat leaves out a rule, from outside of the stations: in the bucket, or between the nodes. nil is
// honest.
type cheat struct {
	nodes     int
	autopilot bool // channels have plans; without a cheat the seed says whether they do
	onBucket  func(bucket.Bucket) bucket.Bucket
	onSend    func(subject string, data []byte) []byte
	onAsk     func(subject string) (answer []byte, ok bool)
	onAnswer  func(subject string, out []byte, err error) ([]byte, error)
	onStep    func(*world)
}

func (c *cheat) bucket(b bucket.Bucket) bucket.Bucket {
	if c == nil || c.onBucket == nil {
		return b
	}
	return c.onBucket(b)
}

func (c *cheat) message(subject string, data []byte) []byte {
	if c == nil || c.onSend == nil {
		return data
	}
	return c.onSend(subject, data)
}

func (c *cheat) request(subject string) ([]byte, bool) {
	if c == nil || c.onAsk == nil {
		return nil, false
	}
	return c.onAsk(subject)
}

func (c *cheat) answer(subject string, out []byte, err error) ([]byte, error) {
	if c == nil || c.onAnswer == nil {
		return out, err
	}
	return c.onAnswer(subject, out, err)
}

func (c *cheat) step(w *world) {
	if c != nil && c.onStep != nil {
		c.onStep(w)
	}
}

// skewed is a message as a node with a wrong clock would have written it: whatever it says of the
// present time is off.
func skewed(subject string, data []byte, by time.Duration) []byte {
	field := map[string]string{"beat": "now", "publisher": "since"}[subject]
	if by == 0 || field == "" {
		return data
	}
	var m map[string]any
	if json.Unmarshal(data, &m) != nil {
		return data
	}
	text, _ := m[field].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return data
	}
	m[field] = at.Add(by)
	out, err := json.Marshal(m)
	if err != nil {
		return data
	}
	return out
}
