package buckettest

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// The credentials of test servers.
const (
	AccessKey = "mayfly-test"
	SecretKey = "mayfly-test-secret"
)

// S3Server is a real S3 server on this machine. It keeps its port and its data when it is stopped and
// started again.
type S3Server struct {
	t       testing.TB
	binary  string
	dir     string
	address string
	flags   []string
	cmd     *exec.Cmd
}

// StartS3 starts an S3 server with one bucket, named mayfly, and with flags of versitygw's own if there are
// any. It ends with the test.
func StartS3(t testing.TB, flags ...string) *S3Server {
	t.Helper()
	s := &S3Server{t: t, binary: findS3(t), dir: t.TempDir(), flags: flags}
	if err := os.Mkdir(filepath.Join(s.dir, "mayfly"), 0o750); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	l.Close()
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// findS3 finds versitygw: as MAYFLY_VERSITYGW says, in .tools/bin of the repository, or on the path.
func findS3(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("MAYFLY_VERSITYGW"); path != "" {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".tools", "bin", "versitygw")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("versitygw")
	if err != nil {
		t.Fatal("versitygw is missing: run make tools")
	}
	return path
}

// Endpoint returns the server's URL.
func (s *S3Server) Endpoint() string { return "http://" + s.address }

// Bucket returns what --bucket is given for the bucket on the server.
func (s *S3Server) Bucket(prefix string) string {
	return "s3://mayfly/" + prefix + "?region=us-east-1&endpoint=" + s.Endpoint()
}

// Dir returns the directory that the bucket lies in.
func (s *S3Server) Dir() string { return filepath.Join(s.dir, "mayfly") }

// Start starts the server and waits until it answers.
func (s *S3Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, slices.Concat([]string{"--port", s.address, "--quiet"}, s.flags, []string{"posix", s.dir})...)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start versitygw: %v", err)
	}
	deadline := time.Now().Add(15 * time.Second)
	for {
		c, err := net.DialTimeout("tcp", s.address, time.Second)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("versitygw does not answer at %s: %v", s.address, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Stop kills the server. It may be called twice.
func (s *S3Server) Stop() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Errorf("stop versitygw: %v", err)
	}
	s.cmd = nil
}
