package demo

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// store is an S3 server of the demonstration's own, if this machine has one: then the nodes keep
// everything in a real bucket.
type store struct {
	child  *child
	log    *os.File
	bucket string   // for --bucket
	env    []string // the credentials, for the nodes
}

// storeTime is how long the S3 server has to begin to answer.
const storeTime = 10 * time.Second

// findStore returns the file of an S3 server that can be started here, or "": versitygw, on the path or
// among the tools beside the folder of the program.
func findStore(program string) string {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path
	}
	path := filepath.Join(filepath.Dir(filepath.Dir(program)), ".tools", "bin", "versitygw")
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o100 != 0 {
		return path
	}
	return ""
}

// startStore starts an S3 server on a loopback port, with an empty bucket in dir and credentials that only
// this demonstration knows.
func startStore(path, dir string) (*store, error) {
	root := filepath.Join(dir, "s3")
	if err := os.MkdirAll(filepath.Join(root, "demo"), 0o750); err != nil {
		return nil, fmt.Errorf("make the bucket's directory: %w", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a port for the S3 server: %w", err)
	}
	address := ln.Addr().String()
	ln.Close() // the server opens it itself
	var random [24]byte
	rand.Read(random[:])
	key, secret := "demo"+hex.EncodeToString(random[:4]), hex.EncodeToString(random[4:])
	log, err := os.Create(filepath.Join(dir, "s3.log"))
	if err != nil {
		return nil, fmt.Errorf("open the S3 server's log: %w", err)
	}
	s := &store{
		log: log, bucket: "s3://demo/mayfly?region=us-east-1&endpoint=http://" + address,
		env: []string{"AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_SESSION_TOKEN="},
	}
	s.child, err = startChild(spec{
		argv: []string{path, "--port", address, "--quiet", "posix", root},
		env:  append(cleanEnv(os.Environ()), "ROOT_ACCESS_KEY="+key, "ROOT_SECRET_KEY="+secret), log: log,
	})
	if err == nil {
		err = s.await(address)
	}
	if err != nil {
		log.Close()
		return nil, err
	}
	return s, nil
}

// await waits until the server answers.
func (s *store) await(address string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over := time.After(storeTime)
	for {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return c.Close()
		}
		select {
		case <-s.child.done:
			return fmt.Errorf("the S3 server has ended: %w", s.child.err)
		case <-over:
			s.child.kill()
			return fmt.Errorf("the S3 server does not answer at %s", address)
		case <-tick.C:
		}
	}
}

// stop ends the server after the nodes.
func (s *store) stop() {
	if s != nil {
		s.child.stop(grace)
		s.log.Close()
	}
}
