package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// rtmpModule is where Debian puts nginx's RTMP module.
const rtmpModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// token is the administrator's in our servers under test, which listen on loopback only.
const token = "bench-admin-token-for-loopback-only"

// server is one server under test, ours or another. In its addresses %d is the stream's number.
type server struct {
	name    string
	publish string // RTMP address
	play    string // HLS address
	http    string // host:port
	dir     string
	command []string
	env     []string
	cmd     *exec.Cmd
	log     *os.File
}

// freePort returns a TCP port that nobody uses just now.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}

// newServer gives a server a directory and two ports.
func (b *bench) newServer(name string) (s *server, rtmp string, err error) {
	b.servers++
	s = &server{name: name, dir: filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, b.servers))}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, "", fmt.Errorf("make a directory for %s: %w", name, err)
	}
	if rtmp, err = freePort(); err != nil {
		return nil, "", err
	}
	web, err := freePort()
	if err != nil {
		return nil, "", err
	}
	s.http = "127.0.0.1:" + web
	return s, "127.0.0.1:" + rtmp, nil
}

// ours describes our server, with parts of 200 ms, on a directory bucket.
func (b *bench) ours() (*server, error) {
	s, rtmp, err := b.newServer("mayfly")
	if err != nil {
		return nil, err
	}
	s.publish, s.play = "rtmp://"+rtmp+"/live/"+streamKey("%d"), "http://"+s.http+"/bench%d/index.m3u8"
	s.command = []string{b.server, "serve", "--bucket", filepath.Join(s.dir, "bucket"), "--spool", filepath.Join(s.dir, "spool"),
		"--node", "bench", "--http", s.http, "--rtmp", rtmp, "--part", "200ms"}
	s.env = []string{"MAYFLY_ADMIN_TOKEN=" + token}
	return s, nil
}

// streamKey is the key of the channel with that number.
func streamKey(n string) string { return "bench-stream-key-of-channel-" + n }

// nginx describes nginx with its RTMP module: one worker, segments of 2 s in memory.
func (b *bench) nginx() (*server, error) {
	s, rtmp, err := b.newServer("nginx")
	if err != nil {
		return nil, err
	}
	s.publish, s.play = "rtmp://"+rtmp+"/live/s%d", "http://"+s.http+"/hls/s%d.m3u8"
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	conf := strings.NewReplacer("$user", user, "$module", rtmpModule, "$dir", s.dir, "$rtmp", rtmp, "$http", s.http).Replace(`
$user worker_processes 1; daemon off; pid $dir/pid; error_log $dir/error.log error;
load_module $module;
events { worker_connections 8192; }
rtmp {
  access_log off;
  server { listen $rtmp; chunk_size 4096;
    application live { live on; hls on; hls_path $dir/hls; hls_fragment 2s; hls_playlist_length 14s; } }
}
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;
  client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 m4s; }
  server { listen $http backlog=4096; root $dir; }
}
`)
	path := filepath.Join(s.dir, "nginx.conf")
	if err := errors.Join(os.MkdirAll(filepath.Join(s.dir, "hls"), 0o755), os.WriteFile(path, []byte(conf), 0o644)); err != nil {
		return nil, fmt.Errorf("write nginx's configuration: %w", err)
	}
	s.command = []string{"nginx", "-p", s.dir, "-c", path, "-e", filepath.Join(s.dir, "error.log")}
	return s, nil
}

// mtx describes MediaMTX with low-latency HLS, parts of 200 ms.
func (b *bench) mtx() (*server, error) {
	s, rtmp, err := b.newServer("MediaMTX")
	if err != nil {
		return nil, err
	}
	s.publish, s.play = "rtmp://"+rtmp+"/live/s%d", "http://"+s.http+"/live/s%d/index.m3u8"
	conf := filepath.Join(s.dir, "mediamtx.yml")
	if err := os.WriteFile(conf, []byte("paths:\n  all_others:\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write MediaMTX's configuration: %w", err)
	}
	s.command = []string{b.mediamtx, conf}
	for _, off := range []string{"RTSP", "WEBRTC", "SRT", "MOQ", "API", "METRICS"} {
		s.env = append(s.env, "MTX_"+off+"=no")
	}
	s.env = append(s.env, "MTX_LOGLEVEL=warn", "MTX_RTMP=yes", "MTX_RTMPADDRESS="+rtmp, "MTX_HLS=yes", "MTX_HLSADDRESS="+s.http,
		"MTX_HLSALWAYSREMUX=yes", "MTX_HLSVARIANT=lowLatency", "MTX_HLSPARTDURATION=200ms")
	return s, nil
}

// start starts the server in its own process group and waits until it accepts on both ports.
func (s *server) start(ctx context.Context) error {
	var err error
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return fmt.Errorf("make a log for %s: %w", s.name, err)
	}
	s.cmd = exec.Command(s.command[0], s.command[1:]...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	rtmp := strings.Split(s.publish, "/")[2]
	for end := time.Now().Add(20 * time.Second); ; {
		if accepts(rtmp) && accepts(s.http) {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			text, _ := os.ReadFile(s.log.Name())
			s.stop()
			return fmt.Errorf("%s did not accept on %s and %s:\n%.2000s", s.name, rtmp, s.http, text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func accepts(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// stop ends the server and removes its files.
func (s *server) stop() {
	s.end()
	os.RemoveAll(s.dir)
}

// end ends the server with all its processes.
func (s *server) end() {
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	hard := time.AfterFunc(10*time.Second, func() { syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	s.cmd.Wait()
	hard.Stop()
	s.log.Close()
}

func (s *server) pid() string { return strconv.Itoa(s.cmd.Process.Pid) }

// at puts a stream's number into an address.
func at(address string, n int) string { return strings.ReplaceAll(address, "%d", strconv.Itoa(n)) }

// makeChannels creates n channels on our server, with keys that we choose.
func (s *server) makeChannels(ctx context.Context, n int) error {
	for i := range n {
		text := strconv.Itoa(i)
		body, err := json.Marshal(map[string]any{"slug": "bench" + text, "title": "Bench " + text,
			"sources": []map[string]string{{"name": "Camera", "streamKey": streamKey(text)}}})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, "POST", "http://"+s.http+"/api/v1/channels", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("create channel %d: %w", i, err)
		}
		answer, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			return fmt.Errorf("create channel %d: status %d: %.300s", i, res.StatusCode, answer)
		}
	}
	return nil
}

// describe returns a server of the given kind that is not started yet.
func (b *bench) describe(kind string) (*server, error) {
	switch kind {
	case "nginx":
		return b.nginx()
	case "MediaMTX":
		return b.mtx()
	}
	return b.ours()
}

// up starts a server of the given kind; ours gets n channels.
func (b *bench) up(ctx context.Context, kind string, n int) (*server, error) {
	s, err := b.describe(kind)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if kind == "mayfly" {
		if err := s.makeChannels(ctx, n); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}
