package station

// latch is a lock that is held while waiting for the bucket: who waits for it waits as long as the bucket
// takes, so nobody does with another lock held.
type latch chan struct{}

func newLatch() latch { return make(latch, 1) }

func (l latch) lock()   { l <- struct{}{} }
func (l latch) unlock() { <-l }

// try takes the latch if nobody has it.
func (l latch) try() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}
