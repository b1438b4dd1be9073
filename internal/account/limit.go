package account

import (
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// limits hold back who tries too often. They are each node's own: n nodes allow n times as much, which
// is still far too little to guess anything.
type limits struct {
	now    func() time.Time
	bucket *otter.Cache[string, *rate.Limiter]
}

// allowance is how often something may be tried: burst times at once, and again after each pause.
type allowance struct {
	what  string
	burst int
	pause time.Duration
}

var (
	signInsFrom = allowance{"sign-in from", 30, 2 * time.Second} // from one address, whoever it says it is
	signInsOf   = allowance{"sign-in of", 30, 10 * time.Second}  // of one account, from wherever
	signInsBoth = allowance{"sign-in of from", 6, 10 * time.Second}
	signUpsFrom = allowance{"sign-up from", 10, time.Minute}
	lettersTo   = allowance{"letter to", 3, 10 * time.Minute}
	lettersFrom = allowance{"letter from", 10, time.Minute}
	linkTries   = allowance{"link from", 20, 10 * time.Second}
	tokenTries  = allowance{"token from", 20, time.Second}

	streamKeys    = allowance{"stream key from", 20, time.Second}
	playbackTries = allowance{"playback from", 60, time.Second}
	entersFrom    = allowance{"password from", 6, 10 * time.Second} // of one broadcast, from one address
	entersOf      = allowance{"password of", 300, time.Second}      // of one broadcast, from wherever
	reportsFrom   = allowance{"report from", 5, time.Minute}

	subscriptionsFrom     = allowance{"subscription from", 20, 10 * time.Second}
	subscriptionLooksFrom = allowance{"look at a subscription from", 60, time.Second} // or an end of one
)

// maxLimited bounds how many are watched; the ones that came longest ago are forgotten first.
const maxLimited = 50_000

func newLimits(now func() time.Time) (*limits, error) {
	cache, err := otter.New(&otter.Options[string, *rate.Limiter]{MaximumSize: maxLimited})
	if err != nil {
		return nil, err
	}
	return &limits{now: now, bucket: cache}, nil
}

func (l *limits) of(a allowance, who string) *rate.Limiter {
	key := a.what + " " + who
	if had, ok := l.bucket.GetIfPresent(key); ok {
		return had
	}
	had, _ := l.bucket.SetIfAbsent(key, rate.NewLimiter(rate.Every(a.pause), a.burst))
	return had
}

// take counts one try, or returns an OftenError.
func (l *limits) take(a allowance, who string) error {
	r := l.of(a, who).ReserveN(l.now(), 1)
	wait := r.DelayFrom(l.now())
	if wait == 0 {
		return nil
	}
	r.CancelAt(l.now())
	return &OftenError{Wait: wait}
}

// spent reports whether take would fail, and counts nothing.
func (l *limits) spent(a allowance, who string) bool { return l.of(a, who).TokensAt(l.now()) < 1 }

// OftenError is ErrOften with the time after which the next try counts.
type OftenError struct{ Wait time.Duration }

func (e *OftenError) Error() string {
	return ErrOften.Error() + ": wait " + (e.Wait + time.Second).Truncate(time.Second).String() + " and try again"
}

// Is makes the error ErrOften.
func (e *OftenError) Is(target error) bool { return target == ErrOften }
