// Package pgtest gives tests a PostgreSQL of their own: one cluster for each test binary and one database for each test. The cluster is
// started from the installed programs in a temporary folder and listens only on a socket there. All settings that make a commit durable are
// on, as by default.
//
// A test binary starts it in TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
// and its tests ask for databases with [New]. If PostgreSQL is not installed, these tests are skipped with a message. If the environment
// variable of [tier.NeedsAll] is set, as in ./check, they fail instead. go test -short runs none of them.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// serverVariable passes the URL of the cluster from Run to New. Set it to use another server, on which tests may create databases.
const serverVariable = "PGTEST_SERVER"

// modelVariable names the database that New copies.
const modelVariable = "PGTEST_MODEL"

// missingVariable says why there is no cluster.
const missingVariable = "PGTEST_MISSING"

// user is the cluster's superuser. If the tests run as root, the cluster runs as the system user of the same name, because PostgreSQL
// refuses to run as root.
const user = "postgres"

// startTime ends a start of the cluster that hangs.
const startTime = await.Limit

// Run runs a binary's tests with a cluster. If there is a function prepare, it fills a database that [New] then copies.
func Run(m *testing.M, prepare ...func(ctx context.Context, url string) error) int {
	if !flag.Parsed() {
		flag.Parse()
	}
	if testing.Short() {
		return m.Run() // New skips all tests that need the cluster
	}
	if os.Getenv(serverVariable) != "" {
		return prepared(m, prepare)
	}
	runtime.LockOSThread() // if this program is killed, the cluster ends with the thread that started it
	c, err := Start()
	if err != nil {
		_ = os.Setenv(missingVariable, err.Error())
		return m.Run()
	}
	_ = os.Setenv(serverVariable, c.URL("postgres"))
	code := prepared(m, prepare)
	if err := c.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL did not stop:", err)
		return max(code, 1)
	}
	return code
}

// prepared fills the database that New copies, then runs the tests.
func prepared(m *testing.M, prepare []func(context.Context, string) error) int {
	for _, fill := range prepare {
		name := newName("model")
		err := execute("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
		if err == nil {
			err = fill(context.Background(), database(name))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "PostgreSQL was not prepared:", err)
			return 1
		}
		_ = os.Setenv(modelVariable, name)
	}
	return m.Run()
}

// newName returns a name that no other test binary on the same server uses.
func newName(kind string) string {
	return fmt.Sprintf("%s_%d_%s", kind, os.Getpid(), strconv.FormatInt(time.Now().UnixNano(), 36))
}

// database returns the URL of a database on the server.
func database(name string) string {
	u, err := url.Parse(os.Getenv(serverVariable))
	if err != nil {
		return os.Getenv(serverVariable) // connecting will report what is wrong with the URL
	}
	u.Path = "/" + name
	return u.String()
}

// New makes a database and returns its URL. The database is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	tier.Slow(t)
	server := os.Getenv(serverVariable)
	if server == "" {
		why := os.Getenv(missingVariable)
		if why == "" {
			why = "TestMain did not start it with pgtest.Run"
		}
		Missing(t, errors.New(why))
	}
	model := os.Getenv(modelVariable)
	if model == "" {
		model = "template0 ENCODING 'UTF8' LOCALE 'C'"
	}
	name := newName("test")
	if err := execute("CREATE DATABASE " + name + " STRATEGY " + copyStrategy() + " TEMPLATE " + model); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var err error
		await.True(t, "the test's database has no connection and is dropped", func() bool { // PostgreSQL itself gives the ended connections five seconds
			err = execute("DROP DATABASE " + name + " WITH (FORCE)")
			inUse := new(pgconn.PgError)
			return !errors.As(err, &inUse) || inUse.Code != "55006"
		})
		if err != nil {
			t.Error(err)
		}
	})
	return database(name)
}

// copyStrategy returns how the server copies a database. To copy its 900 files takes 60 % of the processor time of the other way, which logs
// every page, but the server waits until each file is on the disk. In memory there is nothing to wait for.
func copyStrategy() string {
	if strings.HasPrefix(os.TempDir(), "/dev/shm") {
		return "FILE_COPY"
	}
	return "WAL_LOG"
}

// Missing skips a test because there is no PostgreSQL, or fails it in a run that needs everything.
func Missing(t testing.TB, why error) {
	t.Helper()
	tier.Lacking(t, "no PostgreSQL to test with: "+why.Error())
}

// Admin returns a function that runs one statement in a database, on a connection of its own, and returns the first value of the result.
func Admin(t testing.TB, url string) func(sql string) string {
	t.Helper()
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(ctx) })
	return func(sql string) string {
		t.Helper()
		results, err := c.Exec(ctx, sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if rows := results[len(results)-1].Rows; len(rows) > 0 {
			return string(rows[0][0])
		}
		return ""
	}
}

// execute runs one statement on the server.
func execute(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	c, err := pgconn.Connect(ctx, os.Getenv(serverVariable))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	_, err = c.Exec(ctx, sql).ReadAll()
	if err := errors.Join(err, c.Close(ctx)); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// Cluster is a running PostgreSQL.
type Cluster struct {
	bin, dir string
	server   *exec.Cmd
	said     *bytes.Buffer
}

// Start makes a cluster and starts it. It needs the Debian package postgresql-15 or newer, or its programs in PATH.
func Start() (*Cluster, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "paywatt-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir, said: new(bytes.Buffer)}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// find looks for the programs, the newest version first.
func find() (string, error) {
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(all, func(a, b string) int { return version(b) - version(a) })
	for _, path := range all {
		if version(path) >= 15 {
			return filepath.Dir(path), nil
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("PostgreSQL 15 is not installed (apt-get install postgresql-15)")
}

func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

func (c *Cluster) start() error {
	if err := own(c.dir); err != nil {
		return fmt.Errorf("PostgreSQL does not run as root and needs a user %s: %w", user, err)
	}
	data := filepath.Join(c.dir, "data")
	initdb := c.program("initdb", "-D", data, "-A", "trust", "-U", user, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return c.launch()
}

// launch starts the server on the cluster's data and waits until it takes connections.
func (c *Cluster) launch() error {
	c.server = c.program("postgres", "-D", filepath.Join(c.dir, "data"), "-k", c.dir, "-c", "listen_addresses=", "-c", "max_connections=300",
		"-c", "shared_buffers=64MB", "-c", "log_min_messages=fatal")
	c.server.Stdout, c.server.Stderr = c.said, c.said
	if err := c.server.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	deadline := time.Now().Add(startTime)
	for {
		err := c.program("pg_isready", "-h", c.dir, "-q").Run()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres did not come up: %w: %s", errors.Join(err, c.Stop()), c.said)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// program returns a command that runs one of PostgreSQL's programs as the cluster's user.
func (c *Cluster) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	bind(cmd)
	return cmd
}

// URL returns the URL of one of the cluster's databases.
func (c *Cluster) URL(database string) string { return c.URLOf(user, database) }

// URLOf returns the URL of one of the cluster's databases for a role.
func (c *Cluster) URLOf(role, database string) string {
	return "postgres:///" + database + "?user=" + role + "&host=" + url.QueryEscape(c.dir)
}

// Follow starts a standby of the given name that only stores the cluster's log. The function ends it.
func (c *Cluster) Follow(name string) (end func(), err error) {
	to := filepath.Join(c.dir, name)
	if err := os.Mkdir(to, 0o700); err != nil {
		return nil, err
	}
	if err := own(to); err != nil {
		return nil, err
	}
	standby := c.program("pg_receivewal", "-D", to, "--synchronous", "--no-loop", "--dbname", c.URL("postgres")+"&application_name="+name)
	if err := standby.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = standby.Process.Kill() // it may have ended
		_ = standby.Wait()         // killed
	}, nil
}

// Crash kills all processes of the cluster at once and starts it again, which recovers from the log.
func (c *Cluster) Crash() error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", c.server.Process.Pid))
	if err == nil {
		err = c.server.Process.Kill()
	}
	if err != nil {
		return err
	}
	for _, child := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // it may have ended with its parent
			}
		}
	}
	_ = c.server.Wait() // killed
	return c.launch()
}

// Promote lets the cluster start again as a standby and promotes it, which begins another timeline. Its connections are lost.
func (c *Cluster) Promote() error {
	data := filepath.Join(c.dir, "data")
	standby := filepath.Join(data, "standby.signal")
	err := os.WriteFile(standby, nil, 0o600)
	if err == nil {
		err = own(standby)
	}
	if err == nil {
		err = c.Crash()
	}
	if err != nil {
		return err
	}
	if out, err := c.program("pg_ctl", "promote", "-D", data).CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl promote: %w: %s", err, out)
	}
	return nil
}

// Stop ends the cluster and removes its folder.
func (c *Cluster) Stop() error {
	// SIGINT is PostgreSQL's fast shutdown: it ends clients, writes a checkpoint and exits.
	err := c.server.Process.Signal(os.Interrupt)
	if end := c.server.Wait(); end != nil {
		err = errors.Join(err, fmt.Errorf("postgres: %w: %s", end, strings.TrimSpace(c.said.String())))
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
