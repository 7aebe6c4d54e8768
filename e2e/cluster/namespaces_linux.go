package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// namespaces gives each machine of a cluster a network namespace.
//
// A bridge in the namespace of the machine with HAProxy joins them. No cable leads out of it, so the machines have the addresses of the page on
// any computer, whatever network it is in.
//
// The test reaches a machine through a proxy at an address of the computer, which connects within the machine's namespace.
type namespaces struct {
	t      testing.TB
	ip     string // the path of the program ip
	prefix string // of the names of the namespaces
}

// newNamespaces makes the machines. Their namespaces are called after the folder of the cluster.
func newNamespaces(t testing.TB, dir string) (network, error) {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: the test does not run as root", errNoNamespaces)
	}
	ip, err := tier.Find("ip")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoNamespaces, err)
	}
	n := &namespaces{t: t, ip: ip, prefix: filepath.Base(dir) + "-"}
	n.removeLeftOver()
	t.Cleanup(n.removeMachines)
	if err := n.addMachine(front); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoNamespaces, err)
	}
	if err := n.configureMachine(front, "link add lan type bridge", "addr add 10.0.0.1/24 dev lan", "link set lan up"); err != nil {
		return nil, err
	}
	for i := range electorate {
		if err := n.connectMachine(i); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// addMachine makes a machine that reaches only itself.
func (n *namespaces) addMachine(name string) error {
	if err := n.runIP("netns", "add", n.prefix+name); err != nil {
		return err
	}
	return n.configureMachine(name, "link set lo up")
}

// connectMachine makes a machine with a cable to the bridge.
func (n *namespaces) connectMachine(machine int) error {
	name := machineName(machine)
	if err := n.addMachine(name); err != nil {
		return err
	}
	cable := "link add " + name + " type veth peer name eth0 netns " + n.prefix + name
	if err := n.configureMachine(front, cable, "link set "+name+" master lan up"); err != nil {
		return err
	}
	return n.configureMachine(name, "addr add "+addressOf(machine)+"/24 dev eth0", "link set eth0 up")
}

// removeMachines removes what was made. A cable goes with its machine.
func (n *namespaces) removeMachines() {
	if err := n.removeAll(n.prefix); err != nil {
		n.t.Error(err)
	}
}

// removeLeftOver removes the machines of tests that were killed.
func (n *namespaces) removeLeftOver() {
	spaces, _ := filepath.Glob("/run/netns/" + folderPrefix + "*")
	for _, space := range spaces {
		process, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(space), folderPrefix), "-")
		pid, err := strconv.Atoi(process)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = n.removeAll(folderPrefix + process + "-") // another test may be removing them too
		}
	}
}

// removeAll ends the programs in all namespaces whose names begin with a prefix, and removes the namespaces.
func (n *namespaces) removeAll(prefix string) (err error) {
	spaces, _ := filepath.Glob("/run/netns/" + prefix + "*")
	for _, space := range spaces {
		name := filepath.Base(space)
		pids, _ := exec.Command(n.ip, "netns", "pids", name).Output()
		for _, pid := range strings.Fields(string(pids)) {
			if p, bad := strconv.Atoi(pid); bad == nil && p != os.Getpid() {
				_ = syscall.Kill(p, syscall.SIGKILL)
			}
		}
		err = errors.Join(err, n.runIP("netns", "del", name))
	}
	return err
}

// configureMachine runs the program ip in a machine, once for each line of arguments.
func (n *namespaces) configureMachine(name string, lines ...string) error {
	for _, line := range lines {
		if err := n.runIP(append([]string{"-n", n.prefix + name}, strings.Fields(line)...)...); err != nil {
			return err
		}
	}
	return nil
}

func (n *namespaces) runIP(args ...string) error {
	out, err := exec.Command(n.ip, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// runWithin calls the function in a thread that enters the machine's namespace.
// The thread cannot be used for anything else afterwards, so it ends with its goroutine.
func (n *namespaces) runWithin(name string, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := n.enterNamespace(name)
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

// enterNamespace moves the thread of its caller.
func (n *namespaces) enterNamespace(name string) error {
	f, err := os.Open("/run/netns/" + n.prefix + name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", f.Name(), err)
	}
	return nil
}

// openProxy returns an address of the computer that leads to an address as a machine sees it.
func (n *namespaces) openProxy(name, address string) string {
	n.t.Helper()
	dial := func() (c net.Conn, err error) {
		err = n.runWithin(name, func() (err error) {
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
	return n.openProxy(front, addressOf(machine)+":2379"), []string{`"http://` + addressOf(0), `"http://` + addressOf(machine)}
}

func (n *namespaces) placeNode(node *Node) []string {
	n.t.Helper()
	own := addressOf(node.machine)
	node.sql, node.health = n.openProxy(front, own+":5432"), n.openProxy(front, own+":8008")
	node.localSQL = n.openProxy(node.name, "127.0.0.1:5432")
	return []string{"connect_address: " + addressOf(0), "connect_address: " + own}
}

func (n *namespaces) placeFront([electorate]*Node) (at string, edits []string) {
	n.t.Helper()
	return n.openProxy(front, "127.0.0.1:5000"), nil
}

func (n *namespaces) cutCables(node *Node, cut bool) {
	n.t.Helper()
	state := " up"
	if cut {
		state = " down"
	}
	if err := n.configureMachine(front, "link set "+node.name+state); err != nil {
		n.t.Error(err)
	}
}

// withholdLog lets the machine send the others nothing from PostgreSQL's port.
func (n *namespaces) withholdLog(node *Node, cut bool) {
	n.t.Helper()
	change := "rule del"
	if cut {
		change = "rule add"
	}
	for i := range electorate {
		if i == node.machine {
			continue
		}
		if err := n.configureMachine(node.name, change+" to "+addressOf(i)+" ipproto tcp sport 5432 blackhole"); err != nil {
			n.t.Error(err)
		}
	}
}
