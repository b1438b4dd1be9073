package deliver

import (
	"hash/maphash"
	"math"
	"math/bits"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// The audience of a channel is estimated by linear counting (Whang, Vander-Zanden, Taylor,
// 1990): every playlist request sets the bit that its viewer hashes to. Two generations of
// bits take turns, so that a viewer counts for one to two of audienceSpan after its last
// request; a player asks at least once per target duration (4 s). With 16,384 bits the
// error is below 1 % up to 15,000 viewers and a handful at 50,000; the cost is one load of
// an atomic word, as a bit is nearly always set already.
const (
	audienceBits = 1 << 14
	audienceSpan = 8 * time.Second
)

type audience struct {
	generations [2]generation
}

type generation struct {
	span atomic.Int64 // which span of time the bits belong to
	bits [audienceBits / 64]atomic.Uint64
}

var audienceSeed = maphash.MakeSeed()

// saw notes a viewer.
func (a *audience) saw(viewer uint64, now time.Time) {
	span := now.UnixNano() / int64(audienceSpan)
	g := &a.generations[span&1]
	if old := g.span.Load(); old != span && g.span.CompareAndSwap(old, span) {
		// Who sets a bit between the swap and its clearing is seen again with its next request.
		for i := range g.bits {
			g.bits[i].Store(0)
		}
	}
	i := viewer % audienceBits
	if word, bit := &g.bits[i/64], uint64(1)<<(i%64); word.Load()&bit == 0 {
		word.Or(bit)
	}
}

// has reports whether a viewer was seen lately, or one that is taken for it.
func (a *audience) has(viewer uint64, now time.Time) bool {
	span := now.UnixNano() / int64(audienceSpan)
	i := viewer % audienceBits
	for j := range a.generations {
		if g := &a.generations[j]; span-g.span.Load() <= 1 && g.bits[i/64].Load()&(1<<(i%64)) != 0 {
			return true
		}
	}
	return false
}

// size estimates how many viewers were seen lately.
func (a *audience) size(now time.Time) int {
	span := now.UnixNano() / int64(audienceSpan)
	set := 0
	for i := range audienceBits / 64 {
		var word uint64
		for j := range a.generations {
			if g := &a.generations[j]; span-g.span.Load() <= 1 {
				word |= g.bits[i].Load()
			}
		}
		set += bits.OnesCount64(word)
	}
	free := max(audienceBits-set, 1)
	return int(math.Round(-audienceBits * math.Log(float64(free)/audienceBits)))
}

// viewerOf tells viewers apart: by the session id of Common Media Client Data (CTA-5004),
// which our page sends, else by address and player. A proxy's word on the address is taken,
// as nothing but the count depends on it.
func viewerOf(r *http.Request) uint64 { return viewerBy(r, toldBy(r).Session) }

func viewerBy(r *http.Request, session string) uint64 {
	if session != "" {
		return maphash.String(audienceSeed, session)
	}
	host := r.RemoteAddr
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	if via := r.Header["X-Forwarded-For"]; len(via) > 0 {
		host, _, _ = strings.Cut(via[0], ",")
	}
	v := maphash.String(audienceSeed, host)
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		v = v*31 + maphash.String(audienceSeed, agent[0])
	}
	return v
}
