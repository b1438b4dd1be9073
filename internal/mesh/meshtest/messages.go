package meshtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

func publish(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b", "c")
	a, b := nodes[0], nodes[1]
	own, atB, atC, other := subscribe(t, a, "x.y"), subscribe(t, b, "x.y"), subscribe(t, nodes[2], "x.y"), subscribe(t, b, "x.z")
	settle(t, a, "x.y", atB, atC)
	settle(t, a, "x.z", other)
	var want []string
	for i := range 500 {
		text := fmt.Sprintf("message %d", i)
		want = append(want, "a: "+text)
		data := []byte(text)
		must(t, a.Publish("x.y", data))
		clear(data) // it was copied
	}
	atB.expectAll(t, want)
	atC.expectAll(t, want)
	if got := own.all(); len(got) > 0 {
		t.Errorf("a node hears itself: %q", got[0])
	}
	if got := other.all(); len(got) > 0 {
		t.Errorf("subject x.z got %q", got[0])
	}
}

func sizes(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a, b := nodes[0], nodes[1]
	in := subscribe(t, b, "size")
	settle(t, a, "size", in)
	var want []string
	for _, size := range []int{0, 1, 4 << 10, mesh.MaxMessage} {
		data := strings.Repeat("x", size)
		want = append(want, "a: "+data)
		must(t, a.Publish("size", []byte(data)))
	}
	in.expectAll(t, want)

	must(t, b.Handle("echo", func(_ context.Context, _ string, data []byte) ([]byte, error) { return data, nil }))
	must(t, b.Handle("great", func(context.Context, string, []byte) ([]byte, error) { return make([]byte, mesh.MaxMessage+1), nil }))
	full, over := bytes.Repeat([]byte("y"), mesh.MaxMessage), make([]byte, mesh.MaxMessage+1)
	if got, err := a.Request(t.Context(), "b", "echo", full); err != nil || !bytes.Equal(got, full) {
		t.Errorf("a request of MaxMessage: %d bytes, %v, want the same back", len(got), err)
	}
	if _, err := a.Request(t.Context(), "b", "echo", over); !errors.Is(err, mesh.ErrTooLarge) {
		t.Errorf("a request of over MaxMessage: %v, want ErrTooLarge", err)
	}
	if err := a.Publish("size", over); !errors.Is(err, mesh.ErrTooLarge) {
		t.Errorf("a message of over MaxMessage: %v, want ErrTooLarge", err)
	}
	if _, err := a.Request(t.Context(), "b", "great", nil); !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("an answer of over MaxMessage: %v, want ErrRefused", err)
	}
}

// slow has one subscriber that stands still: it loses messages, and nobody else does.
func slow(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a, b := nodes[0], nodes[1]
	var count atomic.Int64
	entered, wait := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(wait) })
	t.Cleanup(release) // before the nodes are stopped
	var once sync.Once
	_, err := b.Subscribe("slow", func(string, []byte) {
		once.Do(func() { close(entered) })
		<-wait
		count.Add(1)
	})
	must(t, err)
	Eventually(t, "the slow one hears", func() bool {
		must(t, a.Publish("slow", nil))
		select {
		case <-entered:
			return true
		default:
			return false
		}
	})
	in := subscribe(t, b, "quick")
	settle(t, a, "quick", in)
	const many = 20_000
	for range many {
		must(t, a.Publish("slow", []byte("more")))
	}
	must(t, a.Publish("quick", []byte("still here")))
	in.expectAll(t, []string{"a: still here"})
	release()
	must(t, a.Publish("slow", nil))
	must(t, a.Publish("quick", []byte("and now")))
	in.expectAll(t, []string{"a: still here", "a: and now"})
	if n := count.Load(); n >= many/2 {
		t.Errorf("%d of %d messages were kept for one who did not read them, want a bound", n, many)
	}
}

func unsubscribe(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a, b := nodes[0], nodes[1]
	var count atomic.Int64
	cancel, err := b.Subscribe("x", func(string, []byte) { count.Add(1) })
	must(t, err)
	Eventually(t, "b hears a", func() bool {
		must(t, a.Publish("x", nil))
		return count.Load() > 0
	})
	cancel()
	cancel() // twice is once
	// What was on its way may come. Once another subject is heard, it has.
	in := subscribe(t, b, "y")
	settle(t, a, "y", in)
	before := count.Load()
	for range 10 {
		must(t, a.Publish("x", nil))
	}
	must(t, a.Publish("y", []byte("after")))
	in.expectAll(t, []string{"a: after"})
	if after := count.Load(); after != before {
		t.Errorf("%d messages came after cancel", after-before)
	}
}

func names(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b-1.example_x")
	a := nodes[0]
	for _, subject := range []string{"", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a\n", "é", strings.Repeat("x", mesh.MaxSubject+1)} {
		_, asked := a.Request(t.Context(), "b-1.example_x", subject, nil)
		_, subscribed := a.Subscribe(subject, func(string, []byte) {})
		handled := a.Handle(subject, func(context.Context, string, []byte) ([]byte, error) { return nil, nil })
		if err := a.Publish(subject, nil); err == nil || asked == nil || subscribed == nil || handled == nil {
			t.Errorf("subject %q: publish %v, request %v, subscribe %v, handle %v, want four errors", subject, err, asked, subscribed, handled)
		}
	}
	for _, node := range []string{"", "a b", "a>", strings.Repeat("x", 101)} {
		if _, err := a.Request(t.Context(), node, "x", nil); err == nil {
			t.Errorf("asking node %q: no error", node)
		}
	}
	long := strings.Repeat("x", mesh.MaxSubject)
	must(t, nodes[1].Handle(long, func(context.Context, string, []byte) ([]byte, error) { return []byte("ok"), nil }))
	if got, err := a.Request(t.Context(), "b-1.example_x", long, nil); string(got) != "ok" {
		t.Errorf("a subject of MaxSubject: %q, %v", got, err)
	}
}

func request(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b", "c")
	for _, n := range nodes {
		must(t, n.Handle("who", func(_ context.Context, from string, data []byte) ([]byte, error) {
			return []byte(from + " asks " + n.Name + " for " + string(data)), nil
		}))
	}
	var wait sync.WaitGroup
	for _, from := range nodes {
		for _, to := range nodes {
			if from == to {
				continue
			}
			wait.Go(func() {
				for i := range 50 {
					want := fmt.Sprintf("%s asks %s for %d", from.Name, to.Name, i)
					if got, err := from.Request(t.Context(), to.Name, "who", fmt.Append(nil, i)); string(got) != want {
						t.Errorf("answer %q, %v, want %q", got, err, want)
					}
				}
			})
		}
	}
	wait.Wait()
	must(t, nodes[1].Handle("who", func(context.Context, string, []byte) ([]byte, error) { return []byte("the second"), nil }))
	if got, err := nodes[0].Request(t.Context(), "b", "who", nil); string(got) != "the second" {
		t.Errorf("after a second handler: %q, %v, want its answer", got, err)
	}
}

func refusals(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	must(t, nodes[1].Handle("no", func(context.Context, string, []byte) ([]byte, error) {
		return nil, errors.New("the take is sealed")
	}))
	must(t, nodes[1].Handle("long", func(context.Context, string, []byte) ([]byte, error) {
		return nil, errors.New(strings.Repeat("long ", mesh.MaxMessage))
	}))
	for subject, want := range map[string]string{"no": "b: the take is sealed", "long": "b: long long", "unknown": `b is not asked for "unknown"`} {
		_, err := nodes[0].Request(t.Context(), "b", subject, nil)
		if !errors.Is(err, mesh.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("request for %q: %.200v, want ErrRefused with %q", subject, err, want)
		}
	}
}

func timeouts(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a, b := nodes[0], nodes[1]
	ended := make(chan struct{}, 1)
	must(t, b.Handle("never", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		<-ctx.Done()
		ended <- struct{}{}
		return nil, ctx.Err()
	}))
	brief := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	if _, err := a.Request(brief(), "b", "never", nil); !errors.Is(err, mesh.ErrUnreachable) && !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("a request that is not answered: %v, want ErrUnreachable, or ErrRefused if the handler gave up first", err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the handler's context does not end when that of the request does")
	}
	for _, node := range []string{"nobody", "a"} {
		if _, err := a.Request(brief(), node, "never", nil); !errors.Is(err, mesh.ErrUnreachable) {
			t.Errorf("asking %s: %v, want ErrUnreachable", node, err)
		}
	}
}

func busy(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a, b := nodes[0], nodes[1]
	release, inside := make(chan struct{}), make(chan struct{}, 1000)
	must(t, b.Handle("hold", func(context.Context, string, []byte) ([]byte, error) {
		inside <- struct{}{}
		<-release
		return []byte("done"), nil
	}))
	const bound = 256
	var wait sync.WaitGroup
	for range bound {
		wait.Go(func() {
			if got, err := a.Request(t.Context(), "b", "hold", nil); string(got) != "done" {
				t.Errorf("one of %d requests: %q, %v", bound, got, err)
			}
		})
	}
	for range bound {
		<-inside
	}
	if _, err := a.Request(t.Context(), "b", "hold", nil); !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("request %d: %v, want ErrRefused", bound+1, err)
	}
	close(release)
	wait.Wait()
	if got, err := a.Request(t.Context(), "b", "hold", nil); string(got) != "done" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}
