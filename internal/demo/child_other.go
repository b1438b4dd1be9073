//go:build !linux

package demo

import "syscall"

// processGroup makes a child the leader of a group. Elsewhere than on Linux nothing ends it with this
// program should that be killed with kill -9; every other end ends it.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
