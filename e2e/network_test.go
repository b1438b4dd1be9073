package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// network gives every node of a fleet a network namespace of its own with two links: one to the world
// (viewers, publishers, the bucket) and one to the other nodes, which can be set down.
type network struct {
	t      *testing.T
	prefix string // of the names of links and namespaces
	net    int    // third byte of the addresses: 198.18.net.0 is the world, 198.19.net.0 the mesh
}

var networks atomic.Int32

// newNetwork makes the bridges, if this process may; otherwise it returns nil.
func newNetwork(t *testing.T) *network {
	t.Helper()
	sweepNetworks()
	w := &network{t: t, net: (os.Getpid()*7 + int(networks.Add(1))) % 250}
	w.prefix = fmt.Sprintf("mf%d-%d", os.Getpid(), networks.Load())
	if err := w.ip(
		fmt.Sprintf("link add %sw type bridge", w.prefix),
		fmt.Sprintf("link add %sm type bridge", w.prefix),
		fmt.Sprintf("addr add 198.18.%d.1/24 dev %sw", w.net, w.prefix),
		fmt.Sprintf("link set %sw up", w.prefix),
		fmt.Sprintf("link set %sm up", w.prefix),
	); err != nil {
		t.Logf("no network namespaces here (%v): partitions are made by the nodes themselves", err)
		return nil
	}
	t.Cleanup(func() { w.ip("link del "+w.prefix+"w", "link del "+w.prefix+"m") })
	return w
}

// sweepNetworks removes what a test left behind that was killed.
func sweepNetworks() {
	gone := func(name string) bool {
		pid, err := strconv.Atoi(strings.Split(strings.TrimPrefix(name, "mf"), "-")[0])
		return err == nil && syscall.Kill(pid, 0) == syscall.ESRCH
	}
	out, _ := exec.Command("ip", "netns", "list").Output()
	for line := range strings.Lines(string(out)) {
		if name := strings.Fields(line)[0]; strings.HasPrefix(name, "mf") && gone(name) {
			exec.Command("ip", "netns", "del", name).Run()
		}
	}
	out, _ = exec.Command("ip", "-o", "link", "show", "type", "bridge").Output()
	for line := range strings.Lines(string(out)) {
		if name := strings.TrimSuffix(strings.Fields(line)[1], ":"); strings.HasPrefix(name, "mf") && gone(name) {
			exec.Command("ip", "link", "del", name).Run()
		}
	}
}

func (w *network) ip(lines ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, out)
	}
	return nil
}

// host is where the world reaches servers of the test from inside.
func (w *network) host() string { return fmt.Sprintf("198.18.%d.1", w.net) }

// place makes the namespace of node number i, and lets the node run there.
func (w *network) place(n *node, i int) {
	w.t.Helper()
	name := fmt.Sprintf("%sn%d", w.prefix, i)
	world, mesh := fmt.Sprintf("%sw%d", w.prefix, i), fmt.Sprintf("%sm%d", w.prefix, i)
	if err := w.ip(
		"netns add "+name,
		fmt.Sprintf("link add %s type veth peer name world netns %s", world, name),
		fmt.Sprintf("link add %s type veth peer name mesh netns %s", mesh, name),
		fmt.Sprintf("link set %s master %sw up", world, w.prefix),
		fmt.Sprintf("link set %s master %sm up", mesh, w.prefix),
	); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.ip("netns del " + name) })
	for _, args := range [][]string{
		{"addr", "add", fmt.Sprintf("198.18.%d.%d/24", w.net, 10+i), "dev", "world"},
		{"addr", "add", fmt.Sprintf("198.19.%d.%d/24", w.net, 10+i), "dev", "mesh"},
		{"link", "set", "world", "up"}, {"link", "set", "mesh", "up"}, {"link", "set", "lo", "up"},
	} {
		if out, err := exec.Command("ip", append([]string{"-n", name}, args...)...).CombinedOutput(); err != nil {
			w.t.Fatalf("ip -n %s %v: %v: %s", name, args, err, out)
		}
	}
	n.inside = []string{"ip", "netns", "exec", name}
	n.http = fmt.Sprintf("198.18.%d.%d:0", w.net, 10+i)
	n.rtmp, n.mesh = n.http, fmt.Sprintf("198.19.%d.%d:0", w.net, 10+i)
}

// cut sets the link of node number i to the others down, or up again.
func (w *network) cut(i int, down bool) {
	w.t.Helper()
	state := map[bool]string{true: "down", false: "up"}[down]
	if err := w.ip(fmt.Sprintf("link set %sm%d %s", w.prefix, i, state)); err != nil {
		w.t.Fatal(err)
	}
}
