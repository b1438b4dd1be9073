package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the children of these tests: a program that is what MAYFLY_TEST_CHILD says.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "stubborn": // hears SIGTERM and stays
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("here")
		<-time.After(time.Hour) // a program that waits for nothing at all ends with a complaint
	case "polite":
		fmt.Println("here")
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		fmt.Println("ready")
		<-ended
	case "family": // has a child of its own, in its group
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "TEST_CHILD=stubborn")
		c.Start()
		fmt.Println("child", c.Process.Pid)
		<-time.After(time.Hour) // a program that waits for nothing at all ends with a complaint
	case "parent": // is killed, and what it started must go too
		c, err := startChild(spec{argv: []string{os.Args[0]}, env: append(os.Environ(), "TEST_CHILD=stubborn")})
		if err != nil {
			panic(err)
		}
		fmt.Println("child", c.pid())
		<-time.After(time.Hour) // a program that waits for nothing at all ends with a complaint
	case "node":
		fakeNode()
	}
}

// fakeNode is a node as far as the demonstration sees one.
func fakeNode() {
	value := func(name string) string {
		for i, a := range os.Args {
			if a == name {
				return os.Args[i+1]
			}
		}
		return ""
	}
	name := value("--node")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	mux.HandleFunc("GET /api/v1/nodes", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"nodes":[{"name":%q,"self":true,"ready":true,"state":"alive","incarnation":"%s/1"}]}`, name, name)
	})
	mux.HandleFunc("GET /api/v1/channels/{slug}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"slug":%q,"state":"live","onAir":{"take":"t1"},"air":{"node":"a","witnesses":["b"],"director":"b"}}`, r.PathValue("slug"))
	})
	faults := http.NewServeMux()
	faults.HandleFunc("POST /bucket", func(_ http.ResponseWriter, r *http.Request) { fmt.Println("bucket", r.URL.RawQuery) })
	faults.HandleFunc("POST /mesh", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) })
	for what, h := range map[string]http.Handler{"http": mux, "rtmp": http.NotFoundHandler(), "faults": faults} {
		ln, err := net.Listen("tcp", value("--"+what))
		if err != nil {
			fmt.Println("open the port:", err)
			os.Exit(1)
		}
		fmt.Printf(`{"msg":"listening","for":%q,"address":%q}`+"\n", what, ln.Addr())
		go http.Serve(ln, h)
	}
	select {}
}

// said collects lines.
type said struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func newSaid() *said { return &said{more: make(chan struct{}, 100)} }

func (s *said) line(b []byte) {
	s.mu.Lock()
	s.lines = append(s.lines, string(b))
	s.mu.Unlock()
	s.more <- struct{}{}
}

func (s *said) wait(t *testing.T, lines int) []string {
	t.Helper()
	for range lines {
		select {
		case <-s.more:
		case <-time.After(20 * time.Second):
			t.Fatalf("waited 20s for %d lines, got %q", lines, s.lines)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

func launchChild(t *testing.T, kind string) (*child, *said) {
	t.Helper()
	s := newSaid()
	c, err := startChild(spec{argv: []string{os.Args[0]}, env: append(os.Environ(), "TEST_CHILD="+kind), line: s.line, log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c, s
}

func TestChildIsStopped(t *testing.T) {
	c, s := launchChild(t, "polite")
	s.wait(t, 2)
	c.stop(20 * time.Second)
	if c.err != nil {
		t.Errorf("a polite child ended with %v, want no error", c.err)
	}
	c, s = launchChild(t, "stubborn")
	s.wait(t, 1)
	c.stop(50 * time.Millisecond)
	if c.err == nil || !strings.Contains(c.err.Error(), "killed") {
		t.Errorf("a stubborn child ended with %v, want killed", c.err)
	}
	c.kill() // once more does nothing
}

// gone waits until a process is no more, or is a zombie that nobody has buried yet.
func gone(t *testing.T, pid string) {
	t.Helper()
	eventually(t, "process "+pid+" is gone", func() bool {
		status, err := os.ReadFile("/proc/" + pid + "/status")
		return err != nil || bytes.Contains(status, []byte("State:\tZ"))
	})
}

func TestGroupEndsWithItsLeader(t *testing.T) {
	c, s := launchChild(t, "family")
	line := s.wait(t, 1)[0]
	c.kill()
	gone(t, strings.Fields(line)[1])
}

// Whoever kills the demonstration with kill -9 leaves no node behind.
func TestNoChildOutlivesUs(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Log("only Linux promises this")
		return
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "TEST_CHILD=parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	parent.Process.Kill()
	parent.Wait()
	if err != nil {
		t.Fatal(err)
	}
	gone(t, strings.Fields(line)[1])
}

func TestLines(t *testing.T) {
	var got []string
	var all bytes.Buffer
	l := &lines{each: func(b []byte) { got = append(got, string(b)) }, log: &all}
	for _, s := range []string{"one\ntw", "o\r\n", "\nthree", strings.Repeat("x", maxLine+10)} {
		io.WriteString(l, s)
	}
	if len(got) != 4 || got[0] != "one" || got[1] != "two" || got[2] != "" || len(got[3]) < maxLine {
		t.Errorf("%d lines %.40q", len(got), got)
	}
	if all.Len() != len("one\ntwo\r\n\nthree")+maxLine+10 {
		t.Errorf("the log has %d bytes", all.Len())
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); !f(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited 20s until %s", what)
		}
	}
}
