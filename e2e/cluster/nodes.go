// Package cluster starts a PostgreSQL cluster for tests, and makes its machines, programs and cables fail.
package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// electorate is the number of nodes of each kind in a cluster.
const electorate = 3

// Cluster is a PostgreSQL cluster as docs/operate/cluster.md describes it: three nodes under Patroni, three nodes of etcd, and HAProxy in
// front. All of them are Debian's programs.
type Cluster struct {
	t     testing.TB
	dir   string
	net   network
	store [electorate]*Program // etcd
	nodes [electorate]*Node
	front *Program // HAProxy
	at    string   // its address for clients
	lossy bool     // commits do not wait for a standby
}

// Node is one machine with Patroni and PostgreSQL.
type Node struct {
	cluster     *Cluster
	machine     int
	name, dir   string
	patroni     *Program
	sql, health string // the addresses by which the test reaches its programs, unless it is cut off
	localSQL    string // the address of its PostgreSQL for somebody at the machine
}

func machineName(machine int) string { return fmt.Sprintf("n%d", machine) }

// Program is a program that runs until it is killed.
type Program struct {
	net    network
	host   string
	cmd    *exec.Cmd
	args   []string
	env    []string
	log    string
	at     string // the address by which the test reaches it
	exited chan struct{}
}

// servant returns the user that runs PostgreSQL if the test runs as root, which PostgreSQL refuses.
func servant() (uid, gid uint32, root bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, false
	}
	a, _ := strconv.Atoi(u.Uid)
	b, _ := strconv.Atoi(u.Gid)
	return uint32(a), uint32(b), true
}

// Start starts the program, or starts it again.
func (d *Program) Start(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(d.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(d.args[0], d.args[1:]...)
	cmd.Dir, cmd.Env = filepath.Dir(d.log), append(os.Environ(), d.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, root := servant(); root {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	if err := d.net.runWithin(d.host, cmd.Start); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	d.cmd, d.exited = cmd, exited // not before: what did not start cannot be killed
}

// Kill ends the program without a warning.
func (d *Program) Kill() {
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
	<-d.exited
}

// listProcesses returns the node's PostgreSQL and all that it has started, the postmaster first.
func (n *Node) listProcesses() []int {
	pid, err := os.ReadFile(filepath.Join(n.dataDir(), "postmaster.pid"))
	if err != nil {
		return nil
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return nil
	}
	all := []int{postmaster}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", postmaster))
	for _, c := range strings.Fields(string(children)) {
		if child, err := strconv.Atoi(c); err == nil {
			all = append(all, child)
		}
	}
	return all
}

// signalDatabase sends a signal to PostgreSQL and all that it has started.
func (n *Node) signalDatabase(s syscall.Signal) {
	for _, pid := range n.listProcesses() {
		_ = syscall.Kill(pid, s)
	}
}

// Kill is a power cut of the machine.
func (n *Node) Kill() {
	n.patroni.Kill()
	n.signalDatabase(syscall.SIGKILL)
}

// Start starts the machine again.
func (n *Node) Start(t testing.TB) { n.patroni.Start(t) }

// Crash kills all processes of PostgreSQL; Patroni goes on.
func (n *Node) Crash() { n.signalDatabase(syscall.SIGKILL) }

// Freeze stops all programs of the machine, or lets them go on.
func (n *Node) Freeze(frozen bool) {
	s := syscall.SIGCONT
	if frozen {
		s = syscall.SIGSTOP
	}
	_ = syscall.Kill(-n.patroni.cmd.Process.Pid, s)
	n.signalDatabase(s)
}

// Withhold cuts only the cable by which the other nodes replicate from the machine, or heals it.
func (n *Node) Withhold(cut bool) { n.cluster.net.withholdLog(n, cut) }

// URL returns the URL of the machine's own database.
func (n *Node) URL() string { return urlOf(n.sql) }

// Isolate cuts all cables of the machine, or heals them.
func (n *Node) Isolate(cut bool) { n.cluster.net.cutCables(n, cut) }

// Start starts everything and waits until the cluster has a primary, a synchronous standby and another standby.
func Start(t testing.TB) *Cluster { t.Helper(); return startCluster(t, false) }

// StartAsynchronous starts a cluster whose commits wait for no standby, and waits until it has a primary and two standbys.
func StartAsynchronous(t testing.TB) *Cluster { t.Helper(); return startCluster(t, true) }

// folderPrefix begins the name of the folder of a cluster. The number of the test's process follows.
const folderPrefix = "paywatt-cluster-"

func startCluster(t testing.TB, lossy bool) *Cluster {
	t.Helper()
	for _, program := range []string{"etcd", "patroni", "haproxy"} {
		tier.Program(t, program)
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", folderPrefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: dir, lossy: lossy}
	giveToServant(t, dir)
	c.net = newNetwork(t, dir)
	t.Cleanup(c.killAll)
	c.startStore()
	c.awaitStore()
	for i := range c.nodes {
		c.nodes[i] = c.newNode(i)
	}
	c.startFront()
	for _, n := range c.nodes {
		n.patroni.Start(t)
	}
	c.AwaitWhole()
	c.makeDatabase()
	return c
}

func giveToServant(t testing.TB, dir string) {
	t.Helper()
	if uid, gid, root := servant(); root {
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
}

// killAll kills everything. After a failure it leaves the logs where they are.
func (c *Cluster) killAll() {
	for _, d := range append(c.store[:], c.front) {
		if d != nil && d.cmd != nil {
			d.Kill()
		}
	}
	for _, n := range c.nodes {
		if n != nil && n.patroni.cmd != nil {
			n.Freeze(false)
			n.Kill()
		}
	}
	if c.t.Failed() {
		c.t.Logf("the logs of the cluster are in %s", c.dir)
		return
	}
	for range 20 { // what was killed may still be writing
		if os.RemoveAll(c.dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// startStore starts etcd.
func (c *Cluster) startStore() {
	file := fileOf(c.t, "/etc/default/etcd")
	for i := range electorate {
		name := machineName(i)
		at, edits := c.net.placeStore(i)
		edits = append(edits, `ETCD_NAME="n0"`, `ETCD_NAME="`+name+`"`, "/var/lib/etcd/paywatt", filepath.Join(c.dir, "etcd-"+name))
		env := strings.Fields(strings.ReplaceAll(replaceTexts(c.t, file, edits...), `"`, ""))
		c.store[i] = &Program{net: c.net, host: name, log: filepath.Join(c.dir, "etcd-"+name+".log"), args: []string{"etcd"}, env: env, at: at}
		c.store[i].Start(c.t)
	}
}

// awaitStore waits until the nodes of etcd have agreed on their version, without which Patroni does not start.
func (c *Cluster) awaitStore() {
	c.t.Helper()
	for deadline := time.Now().Add(await.Limit); ; time.Sleep(100 * time.Millisecond) {
		var version struct{ Etcdcluster string }
		answer, err := (&http.Client{Timeout: time.Second}).Get("http://" + c.store[0].at + "/version")
		if err == nil {
			err = json.NewDecoder(answer.Body).Decode(&version)
			_ = answer.Body.Close()
		}
		if err == nil && strings.Contains(version.Etcdcluster, ".") {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: after %v etcd has no version: %q %v", await.NotInTime, await.Limit, version.Etcdcluster, err)
		}
	}
}

// StoreLeader returns the node of etcd that leads.
func (c *Cluster) StoreLeader() *Program {
	for i, d := range c.store {
		var status struct {
			Leader string `json:"leader"`
			Header struct {
				Member string `json:"member_id"`
			} `json:"header"`
		}
		answer, err := (&http.Client{Timeout: time.Second}).Post("http://"+d.at+"/v3/maintenance/status", "application/json", strings.NewReader("{}"))
		if err != nil {
			continue
		}
		err = json.NewDecoder(answer.Body).Decode(&status)
		_ = answer.Body.Close()
		if err == nil && status.Leader != "" && status.Leader == status.Header.Member {
			return c.store[i]
		}
	}
	return c.store[0]
}

// StoreMajority returns so many nodes of etcd that the others decide nothing without them.
func (c *Cluster) StoreMajority() []*Program { return c.store[:electorate/2+1] }

// newNode writes the configuration of one node, which is that of the page.
func (c *Cluster) newNode(i int) *Node {
	n := &Node{cluster: c, machine: i, name: machineName(i), dir: filepath.Join(c.dir, machineName(i))}
	if err := os.Mkdir(n.dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	giveToServant(c.t, n.dir)
	bins, err := filepath.Glob("/usr/lib/postgresql/1[5-9]/bin")
	if err != nil || len(bins) == 0 {
		c.t.Fatalf("PostgreSQL 15 is not installed: %v", err)
	}
	// A machine of the tests has little memory for the database.
	edits := append(c.net.placeNode(n),
		"name: n0", "name: "+n.name,
		"/var/lib/postgresql/15/paywatt", n.dataDir(),
		"/usr/lib/postgresql/15/bin", bins[len(bins)-1],
		"/var/lib/postgresql/patroni.pgpass", filepath.Join(n.dir, "pgpass"),
		"/var/run/postgresql", n.dir,
		"max_connections: 100", "max_connections: 100\n        shared_buffers: 32MB")
	config := replaceTexts(c.t, fileOf(c.t, "/etc/patroni/config.yml"), edits...)
	if c.lossy {
		config = replaceTexts(c.t, config, "synchronous_mode: true", "synchronous_mode: false", "synchronous_mode_strict: true", "synchronous_mode_strict: false",
			"maximum_lag_on_failover: 0", "maximum_lag_on_failover: 1073741824")
	}
	file := filepath.Join(n.dir, "patroni.yml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		c.t.Fatal(err)
	}
	n.patroni = &Program{net: c.net, host: n.name, args: []string{"patroni", file}, log: filepath.Join(n.dir, "patroni.log"),
		env: []string{"PATH=/usr/bin:/bin"}}
	return n
}

// startFront starts HAProxy, which passes connections to the node that says it is the primary.
func (c *Cluster) startFront() {
	at, edits := c.net.placeFront(c.nodes)
	config := replaceTexts(c.t, fileOf(c.t, "/etc/haproxy/haproxy.cfg"), edits...)
	file := filepath.Join(c.dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.at = at
	c.front = &Program{net: c.net, host: front, args: []string{"haproxy", "-db", "-f", file}, log: filepath.Join(c.dir, "haproxy.log")}
	c.front.Start(c.t)
}

// Front returns HAProxy.
func (c *Cluster) Front() *Program { return c.front }

// Switchover asks Patroni, as an operator does, to let the synchronous standby take the primary's place.
func (c *Cluster) Switchover() {
	c.t.Helper()
	c.runPatronictl("switchover", "--leader", c.Primary().name, "--candidate", c.Standby().name, "--force")
}

// runPatronictl runs a command of an operator.
func (c *Cluster) runPatronictl(args ...string) {
	c.t.Helper()
	cmd := exec.Command("patronictl", append([]string{"-c", filepath.Join(c.nodes[0].dir, "patroni.yml")}, args...)...)
	var out []byte
	err := c.net.runWithin(front, func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		c.t.Fatalf("%s: %v: %s", cmd, err, out)
	}
}

// URL returns the URL of the database behind HAProxy.
func (c *Cluster) URL() string { return urlOf(c.at) }

func urlOf(address string) string {
	return "postgres://paywatt:paywatt-password@" + address + "/paywatt?sslmode=disable"
}

// makeDatabase makes the role and the database of the page.
func (c *Cluster) makeDatabase() {
	c.t.Helper()
	// A database cannot be made in a transaction, so each statement has a message of its own.
	for _, sql := range strings.SplitAfter(strings.TrimSpace(fileOf(c.t, "paywatt.sql")), "\n") {
		c.runAdmin("postgres", sql)
	}
}

// Admin runs a statement at the primary, in the servers' database, as the superuser. It returns the first value of the answer, if there is one.
func (c *Cluster) Admin(sql string) string { c.t.Helper(); return c.runAdmin("paywatt", sql) }

// AdminAt runs a statement as the superuser who sits at one machine, also while its cables are cut.
func (c *Cluster) AdminAt(n *Node, sql string) string {
	c.t.Helper()
	return c.runAdminAt(n.localSQL, "paywatt", sql)
}

func (c *Cluster) runAdmin(database, sql string) string {
	c.t.Helper()
	return c.runAdminAt(c.at, database, sql)
}

func (c *Cluster) runAdminAt(address, database, sql string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), await.Limit)
	defer cancel()
	at := "postgres://postgres:superuser-password@" + address + "/" + database + "?sslmode=disable"
	conn, err := pgconn.Connect(ctx, at)
	for ; err != nil && ctx.Err() == nil; conn, err = pgconn.Connect(ctx, at) { // HAProxy notices a promotion a moment later
		time.Sleep(200 * time.Millisecond)
	}
	var results []*pgconn.Result
	if err == nil {
		results, err = conn.Exec(ctx, sql).ReadAll()
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return ""
	}
	return string(results[0].Rows[0][0])
}

// OpenData opens the folder of the machine's PostgreSQL. While it is open, no other folder can take its place unnoticed: see [os.SameFile].
func (n *Node) OpenData() (*os.File, error) { return os.Open(n.dataDir()) }

// dataDir is the folder of the machine's PostgreSQL.
func (n *Node) dataDir() string { return filepath.Join(n.dir, "data") }

// HasData reports whether the machine's PostgreSQL still has the folder that [Node.OpenData] opened.
func (n *Node) HasData(opened *os.File) (bool, error) {
	was, err := opened.Stat()
	if err != nil {
		return false, err
	}
	is, err := os.Stat(n.dataDir())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(was, is), err
}

// ForgetCommonLog cuts the primary off and makes its log too short for a rewind: it writes what no standby gets, and removes what was written before the
// cut. For that the setting wal_keep_size must be too low, or the cut must last until the log has grown beyond it.
func (c *Cluster) ForgetCommonLog(n *Node) {
	c.t.Helper()
	const least = "16MB" // Patroni takes no less: one file of the log
	c.runPatronictl("edit-config", "--quiet", "--pg", "wal_keep_size="+least, "--force")
	await.True(c.t, "the primary keeps little log for a rewind", func() bool { return c.Admin("SHOW wal_keep_size") == least })
	c.Admin("CHECKPOINT") // the last one that the primary and the standbys will have in common
	for range 4 {
		c.Admin("SELECT pg_switch_wal()")
		c.Admin("CREATE TABLE common AS SELECT 1")
		c.Admin("DROP TABLE common")
	}
	end := c.Admin("SELECT pg_current_wal_lsn()")
	await.True(c.t, "both standbys have it", func() bool {
		return c.Admin("SELECT COUNT(*) FROM pg_replication_slots WHERE restart_lsn >= '"+end+"'") == strconv.Itoa(electorate-1)
	})
	n.Isolate(true)
	for range 2 {
		c.AdminAt(n, "SET synchronous_commit = local; CREATE TABLE own AS SELECT 1; DROP TABLE own")
		c.AdminAt(n, "SELECT pg_switch_wal()")
		c.AdminAt(n, "CHECKPOINT")
	}
}

// Primary returns the node that is the primary, or nil.
func (c *Cluster) Primary() *Node { return c.runningAs("leader") }

// Leads reports whether the machine's Patroni answers HAProxy that it has the primary.
func (n *Node) Leads() bool {
	answer, err := (&http.Client{Timeout: time.Second}).Get("http://" + n.health + "/primary")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// HasLeader reports whether a node leads now. [Cluster.Primary] says what etcd said last, which may be what was before etcd was away.
func (c *Cluster) HasLeader() bool { return slices.ContainsFunc(c.nodes[:], (*Node).Leads) }

// Standby returns the node that is the synchronous standby, or nil.
func (c *Cluster) Standby() *Node { return c.runningAs("sync_standby") }

// runningAs returns the node that has a role and runs, or nil.
func (c *Cluster) runningAs(role string) *Node {
	all, _ := c.listMembers()
	for _, m := range all {
		if m.Role == role && m.isRunning() {
			return c.nodeOf(m)
		}
	}
	return nil
}

func (c *Cluster) nodeOf(m member) *Node {
	i := slices.IndexFunc(c.nodes[:], func(n *Node) bool { return n.name == m.Name })
	if i < 0 {
		return nil
	}
	return c.nodes[i]
}

// member is one node as Patroni describes it.
type member struct {
	Name, Role, State string
	Timeline          int
}

func (m member) isLeader() bool { return m.Role == "leader" }

func (m member) isRunning() bool { return m.State == "running" || m.State == "streaming" }

// listMembers asks the nodes in turn for the state of the cluster.
func (c *Cluster) listMembers() (all []member, err error) {
	for _, n := range c.nodes {
		if all, err = n.listMembers(); err == nil {
			return all, nil
		}
	}
	return nil, errors.Join(errors.New("no node answers"), err)
}

// listMembers asks one node for the state of the cluster. A node that was cut off may say how it was before.
func (n *Node) listMembers() ([]member, error) {
	answer, err := (&http.Client{Timeout: time.Second}).Get("http://" + n.health + "/cluster")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var body struct{ Members []member }
	err = json.NewDecoder(answer.Body).Decode(&body)
	return body.Members, err
}

// Standbys returns the nodes that are standbys.
func (c *Cluster) Standbys() (out []*Node) {
	all, _ := c.listMembers()
	for _, m := range all {
		if n := c.nodeOf(m); n != nil && !m.isLeader() {
			out = append(out, n)
		}
	}
	return out
}

// AwaitWhole waits until all nodes say that all nodes have their roles and are on one timeline.
func (c *Cluster) AwaitWhole() {
	c.t.Helper()
	const within = 2 * await.Limit // copies of the database are made one after the other
	for deadline := time.Now().Add(within); !c.isWhole(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: the cluster is not whole after %v:\n%s%s", await.NotInTime, within, c.describeViews(), c.tailLogs())
		}
	}
}

// isWhole reports whether each node sees a whole cluster, and all see the same leader.
func (c *Cluster) isWhole() bool {
	leaders := map[string]bool{}
	for _, n := range c.nodes {
		all, err := n.listMembers()
		if err != nil || !c.areAllThere(all) {
			return false
		}
		leaders[all[slices.IndexFunc(all, member.isLeader)].Name] = true
	}
	return len(leaders) == 1
}

// describeViews says what each node knows of the cluster.
func (c *Cluster) describeViews() string {
	var out strings.Builder
	for _, n := range c.nodes {
		all, err := n.listMembers()
		fmt.Fprintf(&out, "%s: %+v %v\n", n.name, all, err)
	}
	return out.String()
}

// areAllThere reports whether each member has its role, and all are on one timeline.
func (c *Cluster) areAllThere(all []member) bool {
	roles, want := map[string]int{}, map[string]int{"leader": 1, "sync_standby": 1, "replica": electorate - 2}
	if c.lossy {
		want = map[string]int{"leader": 1, "replica": electorate - 1}
	}
	for _, m := range all {
		if m.Timeline != all[0].Timeline || !m.isRunning() {
			return false
		}
		roles[m.Role]++
	}
	return maps.Equal(roles, want)
}

func (c *Cluster) tailLogs() string {
	var out bytes.Buffer
	for _, n := range c.nodes {
		log, _ := os.ReadFile(n.patroni.log)
		fmt.Fprintf(&out, "--- %s\n%s\n", n.name, log[max(0, len(log)-1500):])
	}
	return out.String()
}
