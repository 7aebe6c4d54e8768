package cluster

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// ports puts all machines on one address, with a port for each of their programs. Their connections go through links that can be cut.
type ports struct {
	t              testing.TB
	peers, clients [electorate]string
	cables         [electorate][]*link // of each machine
	feeds          [electorate]*link   // those by which the other machines replicate from it
}

func newPorts(t testing.TB) *ports {
	t.Helper()
	p := &ports{t: t}
	for i := range electorate {
		p.peers[i], p.clients[i] = await.FreeAddress(t), await.FreeAddress(t)
	}
	return p
}

func (p *ports) runWithin(_ string, do func() error) error { return do() }

func (p *ports) placeStore(machine int) (at string, edits []string) {
	peers, clients := p.peers, p.clients
	edits = []string{
		`PEER_URLS="http://10.0.0.10:2380"`, `PEER_URLS="http://` + peers[machine] + `"`,
		"http://10.0.0.10:2379", "http://" + clients[machine],
	}
	for i, peer := range peers {
		edits = append(edits, machineName(i)+"=http://"+addressOf(i)+":2380", machineName(i)+"=http://"+peer)
	}
	return clients[machine], edits
}

// addCable returns the near end of a new cable of a machine.
func (p *ports) addCable(machine int, to string) *link {
	p.t.Helper()
	l := newLink(p.t, func() (net.Conn, error) { return net.Dial("tcp", to) })
	p.cables[machine] = append(p.cables[machine], l)
	return l
}

func (p *ports) placeNode(n *Node) []string {
	p.t.Helper()
	var store []string
	for _, at := range p.clients {
		store = append(store, p.addCable(n.machine, at).at)
	}
	sql, health := await.FreeAddress(p.t), await.FreeAddress(p.t)
	n.localSQL, n.sql, n.health = sql, p.addCable(n.machine, sql).at, p.addCable(n.machine, health).at
	feed := p.addCable(n.machine, sql)
	p.feeds[n.machine] = feed
	// The proxies of etcd keep Patroni from going around its cables.
	return []string{"0.0.0.0:8008", health, "10.0.0.10:8008", n.health, "0.0.0.0:5432", sql, "10.0.0.10:5432", feed.at, "10.0.0.0/24", "127.0.0.1/32",
		"hosts: 10.0.0.10:2379,10.0.0.11:2379,10.0.0.12:2379", "use_proxies: true\n  hosts: " + strings.Join(store, ",")}
}

func (p *ports) placeFront(nodes [electorate]*Node) (at string, edits []string) {
	at = await.FreeAddress(p.t)
	edits = []string{"127.0.0.1:5000", at}
	for i, n := range nodes {
		host, port, _ := net.SplitHostPort(n.health)
		edits = append(edits, fmt.Sprintf("n%d %s:5432 maxconn 200 check port 8008", i, addressOf(i)),
			fmt.Sprintf("n%d %s maxconn 200 check addr %s port %s", i, n.sql, host, port))
	}
	return at, edits
}

// cutCables also cuts what the machine receives as a standby, which comes through a cable of another machine.
func (p *ports) cutCables(n *Node, cut bool) {
	for _, l := range p.cables[n.machine] {
		l.setCut(cut)
	}
	for _, feed := range p.feeds {
		feed.severMachine(n.name, cut)
	}
}

func (p *ports) withholdLog(n *Node, cut bool) { p.feeds[n.machine].setCut(cut) }
