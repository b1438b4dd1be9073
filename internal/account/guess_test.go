package account

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestHoldGuess has somebody try many stream keys at once: few are answered, and nobody else waits.
func TestHoldGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := newLimits(time.Now)
		if err != nil {
			t.Fatal(err)
		}
		p := &People{limits: l}
		var answered atomic.Int64
		for range 500 {
			go func() {
				p.HoldGuess(t.Context(), "192.0.2.1:4711")
				answered.Add(1)
			}()
		}
		time.Sleep(guessHold - time.Millisecond)
		if n := answered.Load(); n < int64(streamKeys.burst) || n > int64(streamKeys.burst)+10 {
			t.Errorf("%d of 500 guesses are answered within %v", n, guessHold)
		}
		began := time.Now()
		p.HoldGuess(t.Context(), "192.0.2.2:1")
		if waited := time.Since(began); waited > 0 {
			t.Errorf("somebody who mistyped a key waits %v", waited)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if answered.Load() != 500 {
			t.Errorf("%d were answered at last", answered.Load())
		}
	})
}
