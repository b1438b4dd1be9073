package demo

import "syscall"

// processGroup makes a child the leader of a group that dies with this program, even if it is killed.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
