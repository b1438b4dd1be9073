package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// network gives every node of a fleet a network namespace of its own with two links: one to the world
// (viewers, publishers, the bucket) and one to the other nodes, which can be set down.
type network struct {
	t      *testing.T
	bridge string // w and m are appended for the bridge to the world and the one of the mesh
	net    int    // third byte of the addresses: 198.18.net.0 is the world, 198.19.net.0 the mesh
	nodes  int    // placed so far, in all fleets that had this network: none of them gets the names or addresses of another
}

// networks are made before the first test and removed after the last one, and fleets take turns: a browser that connects
// while this machine gets or loses an address fails with ERR_NETWORK_CHANGED, and shows pages without their styles.
var networks struct {
	free chan *network // nil if this process may not make any
	why  error
}

// makeNetworks makes as many networks as there may be fleets at once, and returns what removes them.
func makeNetworks() func() {
	sweepNetworks()
	free := make(chan *network, 8)
	remove := func() {
		for i := range cap(free) {
			ip(fmt.Sprintf("link del %sw", bridge(i)), fmt.Sprintf("link del %sm", bridge(i)))
		}
	}
	for i := range cap(free) {
		w := &network{bridge: bridge(i), net: (os.Getpid()*cap(free) + i) % 250}
		if networks.why = ip(
			fmt.Sprintf("link add %sw type bridge", w.bridge),
			fmt.Sprintf("link add %sm type bridge", w.bridge),
			fmt.Sprintf("link set %sw addrgenmode none", w.bridge),
			fmt.Sprintf("link set %sm addrgenmode none", w.bridge),
			fmt.Sprintf("addr add 198.18.%d.1/24 dev %sw", w.net, w.bridge),
			fmt.Sprintf("link set %sw up", w.bridge),
			fmt.Sprintf("link set %sm up", w.bridge),
		); networks.why != nil {
			remove()
			return func() {}
		}
		free <- w
	}
	networks.free = free
	return remove
}

func bridge(i int) string { return fmt.Sprintf("mf%d-%d", os.Getpid(), i) }

// newNetwork returns a network for one fleet, or nil if this process may not make any.
func newNetwork(t *testing.T) *network {
	t.Helper()
	if networks.free == nil {
		t.Logf("no network namespaces here (%v): partitions are made by the nodes themselves", networks.why)
		return nil
	}
	w := <-networks.free
	w.t = t
	t.Cleanup(func() { networks.free <- w })
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

func ip(lines ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, out)
	}
	return nil
}

// host is where the world reaches servers of the test from inside.
func (w *network) host() string { return fmt.Sprintf("198.18.%d.1", w.net) }

// place makes the namespace of a node, and lets the node run there.
func (w *network) place(n *node) {
	w.t.Helper()
	name := fmt.Sprintf("%sn%d", w.bridge, w.nodes)
	world, mesh := fmt.Sprintf("%sw%d", w.bridge, w.nodes), fmt.Sprintf("%sm%d", w.bridge, w.nodes)
	host := 2 + w.nodes%250
	w.nodes++
	if err := ip(
		"netns add "+name,
		fmt.Sprintf("link add %s type veth peer name world netns %s", world, name),
		fmt.Sprintf("link add %s type veth peer name mesh netns %s", mesh, name),
		fmt.Sprintf("link set %s addrgenmode none", world),
		fmt.Sprintf("link set %s addrgenmode none", mesh),
		fmt.Sprintf("link set %s master %sw up", world, w.bridge),
		fmt.Sprintf("link set %s master %sm up", mesh, w.bridge),
	); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ip("netns del " + name) })
	for _, args := range [][]string{
		{"addr", "add", fmt.Sprintf("198.18.%d.%d/24", w.net, host), "dev", "world"},
		{"addr", "add", fmt.Sprintf("198.19.%d.%d/24", w.net, host), "dev", "mesh"},
		{"link", "set", "world", "up"}, {"link", "set", "mesh", "up"}, {"link", "set", "lo", "up"},
	} {
		if out, err := exec.Command("ip", append([]string{"-n", name}, args...)...).CombinedOutput(); err != nil {
			w.t.Fatalf("ip -n %s %v: %v: %s", name, args, err, out)
		}
	}
	n.link, n.inside = mesh, []string{"ip", "netns", "exec", name}
	n.http = fmt.Sprintf("198.18.%d.%d:0", w.net, host)
	n.rtmp, n.mesh = n.http, fmt.Sprintf("198.19.%d.%d:0", w.net, host)
}

// cut sets the link of a node to the others down, or up again.
func (w *network) cut(n *node, down bool) {
	w.t.Helper()
	state := map[bool]string{true: "down", false: "up"}[down]
	if err := ip(fmt.Sprintf("link set %s %s", n.link, state)); err != nil {
		w.t.Fatal(err)
	}
}
