// Package webhook tells addresses that producers gave of what happens in their channels: signed, again and again until
// they answer, and with the same id each time.
//
// What has to be told of cuts is a pure function of the channel's cut list and of how far it was told (Told.Next), so no
// node has to be there when it happens. What waits and what was answered is one document for each channel, the ledger,
// which changes by compare-and-swap: a node that sends holds a lease in it, and another goes on when that has run out.
// An event is told once, or, if a node dies between sending and noting it, once more with the same id.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Event is something that happened.
type Event struct {
	ID   string         `json:"id"` // the same however often it is sent
	Type channel.Event  `json:"type"`
	At   time.Time      `json:"timestamp"` // when it happened
	Data map[string]any `json:"data,omitempty"`
}

// maxData bounds what an event says besides.
const maxData = 4 << 10

// idOf makes the id of an event: what happens once has one, whichever node notices it.
func idOf(channelID string, kind channel.Event, what string) string {
	sum := sha256.Sum256([]byte(channelID + "\x00" + string(kind) + "\x00" + what))
	return "evt_" + hex.EncodeToString(sum[:12])
}

// body is what is sent of an event.
func (e *Event) body(c *channel.Channel) ([]byte, error) {
	return json.Marshal(struct {
		Event
		Channel map[string]string `json:"channel"`
	}{*e, map[string]string{"id": c.ID, "slug": c.Slug, "title": c.Title}})
}

// sign makes the headers of a message as Standard Webhooks 1.0 says: an HMAC-SHA256 over id, time and body, so that
// neither can be changed and an old message cannot be sent again as a new one.
func sign(secret, id string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {stamp},
		"Webhook-Signature": {"v1," + signature(secret, id, stamp, body)},
	}
}

func signature(secret, id, stamp string, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		key = []byte(secret)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
