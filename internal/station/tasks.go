package station

import (
	"context"
	"sync"
)

// tasks are goroutines that the station began and waits for when it ends.
type tasks struct {
	mu    sync.Mutex
	ctx   context.Context // nil before the station runs
	stop  context.CancelFunc
	group sync.WaitGroup
}

func (t *tasks) begin(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx, t.stop = context.WithCancel(ctx)
}

// start runs f until the station ends; before it runs and afterwards it does nothing.
func (t *tasks) start(f func(ctx context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil || t.ctx.Err() != nil {
		return
	}
	ctx := t.ctx
	t.group.Go(func() { f(ctx) })
}

// end ends all tasks and waits for them.
func (t *tasks) end() {
	t.mu.Lock()
	t.stop()
	t.mu.Unlock()
	t.group.Wait()
}
