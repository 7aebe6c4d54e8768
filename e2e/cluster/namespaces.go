package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/await"
)

// namespaces gives each machine of a cluster a network namespace. A bridge joins them, in the namespace of the machine with HAProxy, and no cable
// leads out of it. So the machines have the addresses of the page on any computer, whatever network it is in.
//
// The test reaches a machine through a window: a proxy at an address of the computer that connects within the machine's namespace.
type namespaces struct {
	t      testing.TB
	prefix string // of the names of the namespaces
}

// hubAddress is the address of the machine with HAProxy.
const hubAddress = "10.0.0.1"

func addressOf(machine int) string { return fmt.Sprintf("10.0.0.1%d", machine) }

// newNamespaces makes the machines. Their namespaces are called after the folder of the cluster.
func newNamespaces(t testing.TB, dir string) (*namespaces, error) {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil, errors.New("the test does not run as root")
	}
	n := &namespaces{t: t, prefix: filepath.Base(dir) + "-"}
	t.Cleanup(n.removeMachines)
	err := n.addMachine(front, "link add lan type bridge", "addr add "+hubAddress+"/24 dev lan", "link set lan up")
	for i := range electorate {
		if err == nil {
			err = n.addMachine(machineName(i))
		}
		if err == nil {
			err = n.connectMachine(i)
		}
	}
	return n, err
}

// addMachine makes a machine that reaches itself, and configures it.
func (n *namespaces) addMachine(name string, lines ...string) error {
	if err := runIP("netns", "add", n.space(name)); err != nil {
		return err
	}
	return n.configure(name, append(lines, "link set lo up")...)
}

// connectMachine lays a cable from a machine to the bridge.
func (n *namespaces) connectMachine(machine int) error {
	name := machineName(machine)
	err := n.configure(front, "link add "+name+" type veth peer name eth0 netns "+n.space(name), "link set "+name+" master lan up")
	if err != nil {
		return err
	}
	return n.configure(name, "addr add "+addressOf(machine)+"/24 dev eth0", "link set eth0 up")
}

// removeMachines removes what was made. A cable goes with its machine.
func (n *namespaces) removeMachines() {
	_ = runIP("netns", "del", n.space(front))
	for i := range electorate {
		_ = runIP("netns", "del", n.space(machineName(i)))
	}
}

// space is the name of a machine's namespace.
func (n *namespaces) space(machine string) string { return n.prefix + machine }

// configure runs the program ip in a machine, once for each line of arguments.
func (n *namespaces) configure(machine string, lines ...string) error {
	for _, line := range lines {
		if err := runIP(append([]string{"-n", n.space(machine)}, strings.Fields(line)...)...); err != nil {
			return err
		}
	}
	return nil
}

// mustConfigure does that with machines that were made.
func (n *namespaces) mustConfigure(machine, line string) {
	n.t.Helper()
	if err := n.configure(machine, line); err != nil {
		n.t.Fatal(err)
	}
}

func runIP(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// within calls the function in a thread that enters the machine's namespace. The thread cannot be used again, so it ends with the goroutine.
func (n *namespaces) within(machine string, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- n.enter(machine, do)
	}()
	return <-done
}

func (n *namespaces) enter(machine string, do func() error) error {
	f, err := os.Open("/run/netns/" + n.space(machine))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", f.Name(), err)
	}
	return do()
}

// openWindow returns an address of the computer that leads to an address as a machine sees it.
func (n *namespaces) openWindow(machine, address string) string {
	n.t.Helper()
	dial := func() (c net.Conn, err error) {
		err = n.within(machine, func() (err error) {
			c, err = net.DialTimeout("tcp", address, await.Limit)
			return err
		})
		return c, err
	}
	return newLink(n.t, dial).at
}

func (n *namespaces) placeStore(machine int) (at string, edits []string) {
	n.t.Helper()
	// The list of all three machines begins with a name, not with an address.
	return n.openWindow(front, addressOf(machine)+":2379"), []string{`"http://` + addressOf(0), `"http://` + addressOf(machine)}
}

func (n *namespaces) placeNode(node *Node) []string {
	n.t.Helper()
	own := addressOf(node.machine)
	node.sql, node.health = n.openWindow(front, own+":5432"), n.openWindow(front, own+":8008")
	node.localSQL = n.openWindow(node.name, "127.0.0.1:5432")
	return []string{"connect_address: " + addressOf(0), "connect_address: " + own}
}

func (n *namespaces) placeFront([electorate]*Node) (at string, edits []string) {
	n.t.Helper()
	return n.openWindow(front, "127.0.0.1:5000"), nil
}

func (n *namespaces) cut(node *Node, cut bool) {
	n.t.Helper()
	n.mustConfigure(front, "link set "+node.name+map[bool]string{true: " down", false: " up"}[cut])
}

// withhold lets the machine send the others nothing from PostgreSQL's port.
func (n *namespaces) withhold(node *Node, cut bool) {
	n.t.Helper()
	for i := range electorate {
		if i != node.machine {
			n.mustConfigure(node.name, "rule "+map[bool]string{true: "add", false: "del"}[cut]+" to "+addressOf(i)+" ipproto tcp sport 5432 blackhole")
		}
	}
}
