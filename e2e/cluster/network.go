package cluster

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// network connects the machines of a cluster.
type network interface {
	// runWithin calls a function whose connections and processes belong to a machine. The function must return.
	runWithin(name string, do func() error) error
	// placeStore places etcd on a machine. It returns its address for the test, and what changes in its file of the page, in pairs.
	placeStore(machine int) (at string, edits []string)
	// placeNode places Patroni and PostgreSQL. It sets the node's addresses for the test, and returns what changes in the file.
	placeNode(n *Node) (edits []string)
	// placeFront places HAProxy, as placeStore does with etcd.
	placeFront(nodes [electorate]*Node) (at string, edits []string)
	// cutCables cuts all cables of a machine, or heals them.
	cutCables(n *Node, cut bool)
	// withholdLog cuts only what the other machines replicate from a machine, or heals it.
	withholdLog(n *Node, cut bool)
}

// front is the name of the machine with HAProxy.
const front = "front"

// addressOf is the address of a machine on the page.
func addressOf(machine int) string { return fmt.Sprintf("10.0.0.1%d", machine) }

// errNoNamespaces says that this test cannot make network namespaces.
var errNoNamespaces = errors.New("no network namespaces")

// newNetwork gives each machine a network namespace.
// If the test cannot make them, the machines share one address, with a port for each of their programs.
func newNetwork(t testing.TB, dir string) network {
	t.Helper()
	n, err := newNamespaces(t, dir)
	switch {
	case errors.Is(err, errNoNamespaces) && tier.MustRun() && os.Geteuid() == 0:
		t.Fatalf("%v, and %s=1", err, tier.NeedsAll)
	case errors.Is(err, errNoNamespaces):
		t.Logf("NOT TESTED: the addresses of %s. All machines of the cluster share one address: %v", page, err)
		return newPorts(t)
	case err != nil:
		t.Fatal(err)
	}
	return n
}
