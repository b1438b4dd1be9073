package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// TestSwitchCut cuts one way only: what goes the other way still does.
func TestSwitchCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mesh.NewSwitch()
		a, b := s.Link("a"), s.Link("b")
		defer a.Kill()
		defer b.Kill()
		atA, atB, asked := 0, 0, 0
		a.Subscribe("x", func(string, []byte) { atA++ })
		b.Subscribe("x", func(string, []byte) { atB++ })
		b.Handle("ask", func(context.Context, string, []byte) ([]byte, error) { asked++; return nil, nil })
		say := func() {
			a.Publish("x", nil)
			b.Publish("x", nil)
			synctest.Wait()
		}
		ask := func() (time.Duration, error) {
			began := time.Now()
			_, err := a.Request(t.Context(), "b", "ask", nil)
			return time.Since(began), err
		}
		say()
		s.Cut("a", "b", true)
		say()
		if atA != 2 || atB != 1 {
			t.Errorf("with the way from a to b cut, they have heard %d and %d, want 2 and 1", atA, atB)
		}
		if took, err := ask(); !errors.Is(err, mesh.ErrUnreachable) || took != 5*time.Second || asked != 0 {
			t.Errorf("a request on the cut way: %v after %v, want ErrUnreachable after 5 s", err, took)
		}
		s.Cut("a", "b", false)
		s.Cut("b", "a", true)
		if took, err := ask(); !errors.Is(err, mesh.ErrUnreachable) || took != 5*time.Second || asked != 1 {
			t.Errorf("a request whose answer is cut off: %v after %v, seen %d times, want ErrUnreachable after 5 s, and seen", err, took, asked)
		}
		if _, err := a.Dial(t.Context(), "b", b.Address()); !errors.Is(err, mesh.ErrUnreachable) {
			t.Errorf("Dial with one way cut: %v, want ErrUnreachable", err)
		}
		s.Cut("b", "a", false)
		if took, err := ask(); err != nil || took != 0 {
			t.Errorf("mended: %v after %v", err, took)
		}
	})
}

// TestSwitchCutEndsConnections ends those between two nodes, and no others.
func TestSwitchCutEndsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mesh.NewSwitch()
		links := map[string]*mesh.Port{}
		for _, name := range []string{"a", "b", "c"} {
			links[name] = s.Link(name)
			defer links[name].Kill()
		}
		read := func(from, to string) <-chan error {
			ours, err := links[from].Dial(t.Context(), to, "")
			if err != nil {
				t.Fatal(err)
			}
			theirs, _ := links[to].Listener().Accept()
			t.Cleanup(func() { ours.Close(); theirs.Close() })
			done := make(chan error, 1)
			go func() { _, err := theirs.Read(make([]byte, 1)); done <- err }()
			return done
		}
		ab, ba, ac := read("a", "b"), read("b", "a"), read("a", "c")
		s.Cut("b", "a", true)
		for _, done := range []<-chan error{ab, ba} {
			if err := <-done; err == nil {
				t.Error("a connection on a cut way gives data")
			}
		}
		synctest.Wait()
		select {
		case err := <-ac:
			t.Errorf("a connection to another node ends: %v", err)
		default:
		}
		links["c"].Kill()
		if err := <-ac; err == nil {
			t.Error("a connection to a dead node gives data")
		}
	})
}

// TestSwitchLose loses what the test says.
func TestSwitchLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mesh.NewSwitch()
		a, b := s.Link("a"), s.Link("b")
		defer a.Kill()
		defer b.Kill()
		var got []string
		for _, subject := range []string{"x", "y"} {
			b.Subscribe(subject, func(_ string, data []byte) { got = append(got, subject+string(data)) })
		}
		n := 0
		s.Lose(func(from, to, subject string) bool {
			n++
			return subject == "x" && n%2 == 0 && from == "a" && to == "b"
		})
		for i := range 4 {
			a.Publish("x", fmt.Append(nil, i))
			synctest.Wait()
		}
		a.Publish("y", nil)
		synctest.Wait()
		if s := strings.Join(got, " "); s != "x0 x2 y" {
			t.Errorf("heard %q, want every second of x and all of y", s)
		}
	})
}

// fleet is a few nodes on a switch, on a virtual clock.
type fleet struct {
	t      *testing.T
	net    *mesh.Switch
	ports  map[string]*mesh.Port
	meshes map[string]*mesh.Mesh
	stop   map[string]context.CancelFunc
	ended  map[string]chan error
}

func newFleet(t *testing.T, names ...string) *fleet {
	f := &fleet{t, mesh.NewSwitch(), map[string]*mesh.Port{}, map[string]*mesh.Mesh{}, map[string]context.CancelFunc{}, map[string]chan error{}}
	for _, name := range names {
		f.start(name)
	}
	return f
}

func (f *fleet) start(name string) {
	port := f.net.Link(name)
	m := mesh.New(mesh.Config{
		Node: name, Link: port, Beat: func() mesh.Beat { return mesh.Beat{Ready: true} },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s serves %s to %s", name, r.URL.Path, r.Header.Get(mesh.NodeHeader))
		}),
	})
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan error, 1)
	f.ports[name], f.meshes[name], f.stop[name], f.ended[name] = port, m, cancel, ended
	go func() { ended <- m.Run(ctx) }()
}

func (f *fleet) leave(name string) {
	f.t.Helper()
	f.stop[name]()
	if err := <-f.ended[name]; err != nil {
		f.t.Errorf("Run of %s = %v, want nil", name, err)
	}
	delete(f.stop, name)
}

func (f *fleet) end() {
	f.t.Helper()
	for name := range f.stop {
		f.leave(name)
	}
}

// expect compares what a node thinks of the others: "b:alive c:lost".
func (f *fleet) expect(when, node, want string) {
	f.t.Helper()
	synctest.Wait()
	var got []string
	for _, m := range f.meshes[node].Members() {
		if !m.Self {
			got = append(got, m.Node+":"+string(m.State))
		}
	}
	if s := strings.Join(got, " "); s != want {
		f.t.Errorf("%s: %s sees %q, want %q", when, node, s, want)
	}
}

// TestMeshHeartbeats cuts one way between two of three nodes: the one that hears nothing suspects the
// other after 1.5 s, calls it lost after 3 s, and hears it again as soon as it can.
func TestMeshHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "a", "b", "c")
		defer f.end()
		time.Sleep(600 * time.Millisecond)
		f.expect("at first", "a", "b:alive c:alive")
		changed := f.meshes["b"].Changed()
		f.net.Cut("a", "b", true) // a said something 0.1 s ago
		for _, step := range []struct {
			after time.Duration
			want  string
		}{
			{1300 * time.Millisecond, "a:alive c:alive"}, {700 * time.Millisecond, "a:suspect c:alive"},
			{800 * time.Millisecond, "a:suspect c:alive"}, {700 * time.Millisecond, "a:lost c:alive"}, {time.Minute, "a:lost c:alive"},
		} {
			time.Sleep(step.after)
			f.expect(fmt.Sprintf("%v later", step.after), "b", step.want)
			f.expect(fmt.Sprintf("%v later", step.after), "a", "b:alive c:alive")
			f.expect(fmt.Sprintf("%v later", step.after), "c", "a:alive b:alive")
		}
		select {
		case <-changed:
		default:
			t.Error("Changed says nothing of it")
		}
		if m, _ := f.meshes["b"].Member("a"); m.Reason != "not heard for 3s" {
			t.Errorf("the reason is %q", m.Reason)
		}
		f.net.Cut("a", "b", false)
		time.Sleep(mesh.BeatEvery + 10*time.Millisecond)
		f.expect("mended", "b", "a:alive c:alive")
	})
}

// TestMeshLoss loses two of three heartbeats: nobody is ever lost.
func TestMeshLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "a", "b")
		defer f.end()
		time.Sleep(time.Second)
		n := map[string]int{}
		f.net.Lose(func(from, _, subject string) bool {
			n[from]++
			return subject == "beat" && n[from]%3 != 0
		})
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			for node, other := range map[string]string{"a": "b", "b": "a"} {
				if m, ok := f.meshes[node].Member(other); !ok || m.State == mesh.Lost {
					t.Fatalf("%s sees %s %s", node, other, m.State)
				}
			}
		}
		f.net.Lose(nil)
		time.Sleep(mesh.BeatEvery)
	})
}

// TestMeshLeaving has one node leave, one die, and both come back.
func TestMeshLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "a", "b", "c")
		defer f.end()
		time.Sleep(600 * time.Millisecond)
		f.leave("b")
		f.expect("at once", "a", "b:lost c:alive")
		if m, _ := f.meshes["a"].Member("b"); m.Reason != "it has left" {
			t.Errorf("the reason is %q", m.Reason)
		}
		f.ports["c"].Kill()
		if err := <-f.ended["c"]; err == nil {
			t.Error("Run of a node whose link is gone = nil")
		}
		delete(f.stop, "c")
		f.expect("at once", "a", "b:lost c:alive")
		time.Sleep(4 * time.Second)
		f.expect("4 s later", "a", "b:lost c:lost")
		f.start("b")
		f.start("c")
		time.Sleep(time.Second)
		f.expect("back", "a", "b:alive c:alive")
		f.expect("back", "c", "a:alive b:alive")
	})
}

// TestMeshHTTP sends requests to a node by its name.
func TestMeshHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "a", "b")
		defer f.end()
		get := func(host string) (string, error) {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+host+"/mesh/x", nil)
			resp, err := f.meshes["a"].RoundTrip(r)
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return string(body), err
		}
		time.Sleep(time.Second)
		if got, err := get("b"); got != "b serves /mesh/x to a" {
			t.Errorf("answer %q, %v", got, err)
		}
		for _, host := range []string{"a", "nobody"} {
			if got, err := get(host); !errors.Is(err, mesh.ErrUnreachable) {
				t.Errorf("asking %s = %q, %v, want ErrUnreachable", host, got, err)
			}
		}
		f.net.Cut("a", "b", true)
		if got, err := get("b"); !errors.Is(err, mesh.ErrUnreachable) {
			t.Errorf("asking over a cut way = %q, %v, want ErrUnreachable", got, err)
		}
		f.net.Cut("a", "b", false)
		if got, err := get("b"); got == "" {
			t.Errorf("mended: %v", err)
		}
	})
}
