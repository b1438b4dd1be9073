package webhook

import (
	"strings"
	"testing"
	"time"
)

// TestSign signs as the example in the producer's guide checks, which was run on the same message.
func TestSign(t *testing.T) {
	secret := "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
	h := sign(secret, "evt_1", time.Unix(1_700_000_000, 0), []byte(`{"a":1}`))
	const want = "v1,xsrKrSc6Z9cAn/br4kO7TvhjtnkMIFoZTCPnw3cDwF4="
	if got := h.Get("Webhook-Signature"); got != want || h.Get("Webhook-Timestamp") != "1700000000" || h.Get("Webhook-Id") != "evt_1" {
		t.Errorf("%v, want %s", h, want)
	}
	for _, other := range []string{secret[:len(secret)-3] + "A==", "whsec_", "whsec_" + strings.ToUpper(secret[6:])} {
		if sign(other, "evt_1", time.Unix(1_700_000_000, 0), []byte(`{"a":1}`)).Get("Webhook-Signature") == want {
			t.Errorf("the secret %q signs the same", other)
		}
	}
}
