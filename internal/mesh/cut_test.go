package mesh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// TestCut cuts a node's link as a network would: nothing is said to anybody, connections end, and after it
// everything works again.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mesh.NewSwitch()
		pa, pb := s.Link("a"), s.Link("b")
		defer pa.Kill()
		defer pb.Kill()
		a, b := mesh.NewCuttable(pa), mesh.NewCuttable(pb)
		heardA, heardB, asked := 0, 0, 0
		a.Subscribe("x", func(string, []byte) { heardA++ })
		b.Subscribe("x", func(string, []byte) { heardB++ })
		answer := func(context.Context, string, []byte) ([]byte, error) { asked++; return []byte("yes"), nil }
		a.Handle("ask", answer)
		b.Handle("ask", answer)
		go func() {
			for {
				if _, err := b.Listener().Accept(); err != nil {
					return
				}
			}
		}()
		say := func() {
			a.Publish("x", nil)
			b.Publish("x", nil)
			synctest.Wait()
		}
		ask := func(from *mesh.Cuttable, to string) (time.Duration, error) {
			began := time.Now()
			_, err := from.Request(t.Context(), to, "ask", nil)
			return time.Since(began), err
		}
		conn, err := a.Dial(t.Context(), "b", b.Address())
		if err != nil {
			t.Fatal(err)
		}
		say()
		for _, err := range []error{second(ask(a, "b")), second(ask(b, "a"))} {
			if err != nil {
				t.Errorf("before it is cut: %v", err)
			}
		}
		b.Cut(true)
		say()
		if heardA != 1 || heardB != 1 {
			t.Errorf("cut, they have heard %d and %d, want 1 each", heardA, heardB)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a connection goes on")
		}
		if _, err := b.Dial(t.Context(), "a", a.Address()); !errors.Is(err, mesh.ErrUnreachable) {
			t.Errorf("Dial from the one that is cut off: %v", err)
		}
		if conn, err := a.Dial(t.Context(), "b", b.Address()); err == nil {
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("a connection to the one that is cut off carries something")
			}
		}
		for name, from := range map[string]*mesh.Cuttable{"b": a, "a": b} {
			if took, err := ask(from, name); !errors.Is(err, mesh.ErrUnreachable) || took != 5*time.Second {
				t.Errorf("a request to %s: %v after %v, want ErrUnreachable after 5 s", name, err, took)
			}
		}
		if asked != 2 {
			t.Errorf("a request came through: %d were answered, want 2", asked)
		}
		b.Cut(false)
		say()
		if took, err := ask(a, "b"); heardA != 2 || heardB != 2 || err != nil || took != 0 {
			t.Errorf("mended, they have heard %d and %d, want 2 each; a request: %v after %v", heardA, heardB, err, took)
		}
		if conn, err := a.Dial(t.Context(), "b", b.Address()); err != nil {
			t.Errorf("mended: %v", err)
		} else {
			conn.Close()
		}
	})
}

func second(_ time.Duration, err error) error { return err }
