package cluster

import "testing"

// network connects the machines of a cluster.
type network interface {
	// within calls a function whose connections and processes belong to a machine.
	within(machine string, do func() error) error
	// placeStore places etcd on a machine. It returns its address for the test, and what changes in its file of the page, in pairs.
	placeStore(machine int) (at string, edits []string)
	// placeNode places Patroni and PostgreSQL. It sets the node's addresses for the test, and returns what changes in the file.
	placeNode(n *Node) (edits []string)
	// placeFront places HAProxy, as placeStore does with etcd.
	placeFront(nodes [electorate]*Node) (at string, edits []string)
	// cut cuts all cables of a machine, or heals them.
	cut(n *Node, cut bool)
	// withhold cuts only what the other machines replicate from a machine, or heals it.
	withhold(n *Node, cut bool)
}

// front is the machine with HAProxy.
const front = "front"

// newNetwork gives each machine a network namespace. Where the system does not allow that, the machines share one address, with a port for each
// of their programs.
func newNetwork(t testing.TB, dir string) network {
	t.Helper()
	n, err := newNamespaces(t, dir)
	if err == nil {
		return n
	}
	t.Logf("NOT TESTED: the addresses of %s. All machines of the cluster share one address, because there are no network namespaces here: %v", page, err)
	return newPorts(t)
}
