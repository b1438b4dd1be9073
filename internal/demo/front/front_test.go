package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// node answers "name:" and, once the client has ended, what the client said.
func node(t *testing.T, name string) (Backend, net.Listener) {
	ln := listen(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprint(c, name+":")
				if said, err := io.ReadAll(c); err == nil {
					c.Write(said)
				}
			}()
		}
	}()
	return Backend{name, ln.Addr().String()}, ln
}

// nobody is an address that refuses.
func nobody(t *testing.T, name string) Backend {
	ln := listen(t)
	ln.Close()
	return Backend{name, ln.Addr().String()}
}

// serve runs a front and returns its address.
func serve(t *testing.T, cfg Config, list ...Backend) (*Front, string) {
	t.Helper()
	f := New(cfg)
	f.Set(list)
	ln := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return f, ln.Addr().String()
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c.(*net.TCPConn)
}

// say sends words, ends the client's way, and returns all that comes.
func say(t *testing.T, address, words string) (string, error) {
	t.Helper()
	c := dial(t, address)
	if _, err := io.WriteString(c, words); err != nil {
		return "", err
	}
	if err := c.CloseWrite(); err != nil {
		return "", err
	}
	heard, err := io.ReadAll(c)
	return string(heard), err
}

func TestSpreadsAndTriesTheNext(t *testing.T) {
	a, first := node(t, "a")
	b, _ := node(t, "b")
	f, address := serve(t, Config{}, a, b, nobody(t, "c"))
	met := map[string]int{}
	for i := range 9 {
		heard, err := say(t, address, "hello")
		name, rest, _ := strings.Cut(heard, ":")
		if err != nil || rest != "hello" {
			t.Fatalf("connection %d: %q, %v", i, heard, err)
		}
		met[name]++
	}
	if met["a"] != 6 || met["b"] != 3 { // who begins with c, goes on with a
		t.Errorf("nine connections met %v, want 6 of a and 3 of b", met)
	}
	first.Close()
	if heard, err := say(t, address, "x"); err != nil || heard != "b:x" {
		t.Errorf("after a's death: %q, %v; want b", heard, err)
	}
	if counts := f.Counts(); counts[0].Served != 6*7 || counts[1].Name != "b" || counts[2].Served != 0 {
		t.Errorf("counts %+v", counts)
	}
}

func TestAllRefuse(t *testing.T) {
	f, address := serve(t, Config{}, nobody(t, "a"), nobody(t, "b"))
	if err := knock(address); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("who connects is told %v, want a reset", err)
	}
	if f.Refused() != 1 {
		t.Errorf("refused %d, want 1", f.Refused())
	}
	a, _ := node(t, "a")
	f.Set([]Backend{a})
	if heard, err := say(t, address, "x"); err != nil || heard != "a:x" {
		t.Errorf("once a is there: %q, %v", heard, err)
	}
	f.Set(nil)
	if err := knock(address); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a front without nodes says %v, want a reset", err)
	}
}

// knock connects and returns what becomes of it. A reset may come before the connection is made.
func knock(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = c.Read(make([]byte, 1))
	return err
}

// The client ends its way and still hears the whole answer; so does a node that ends first.
func TestHalfOpen(t *testing.T) {
	ln := listen(t)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "bye")
		c.(*net.TCPConn).CloseWrite()
		said, _ := io.ReadAll(c)
		if string(said) != "still there" {
			t.Errorf("the node heard %q after its end", said)
		}
	}()
	f, address := serve(t, Config{}, Backend{"a", ln.Addr().String()})
	c := dial(t, address)
	if heard, err := io.ReadAll(c); err != nil || string(heard) != "bye" {
		t.Fatalf("heard %q, %v", heard, err)
	}
	io.WriteString(c, "still there")
	c.CloseWrite()
	eventually(t, "the connection is counted out", func() bool { return f.Counts()[0].Open == 0 })
}

// A node that dies in mid-answer ends the client's connection at once.
func TestNodeDies(t *testing.T) {
	ln := listen(t)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "half an ans")
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}()
	_, address := serve(t, Config{}, Backend{"a", ln.Addr().String()})
	if heard, err := io.ReadAll(dial(t, address)); len(heard) > 11 {
		t.Errorf("heard %q, %v", heard, err)
	}
}

func TestBounds(t *testing.T) {
	a, _ := node(t, "a")
	f, address := serve(t, Config{MaxConns: 2, Idle: 200 * time.Millisecond}, a)
	one, two := dial(t, address), dial(t, address)
	for _, c := range []net.Conn{one, two} {
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
	}
	if heard, _ := io.ReadAll(dial(t, address)); len(heard) > 0 {
		t.Errorf("the third of two connections heard %q", heard)
	}
	// Nobody says anything: both are closed for being idle, and there is room again.
	if _, err := io.ReadAll(one); err != nil && errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an idle connection: %v", err)
	}
	eventually(t, "both are gone", func() bool { return f.Counts()[0].Open == 0 })
	if heard, err := say(t, address, "x"); err != nil || heard != "a:x" {
		t.Errorf("with room again: %q, %v", heard, err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(10 * time.Second); !f(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited 10s until %s", what)
		}
	}
}
