package walbuf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/store/sqlite/walbuf"
)

// rig is a database that one connection writes through a buffer.
type rig struct {
	t    *testing.T
	path string
	b    *walbuf.Buffer
	c    *sqlite.Conn
}

func open(t *testing.T) *rig {
	t.Helper()
	// A name with all characters that are special in a URI.
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "a b%20?#&=é.db")}
	var err error
	if r.b, err = walbuf.New(); err != nil {
		t.Fatal(err)
	}
	uri, err := r.b.URI(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if r.c, err = sqlite.OpenConn(uri, sqlite.OpenReadWrite, sqlite.OpenCreate, sqlite.OpenURI); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.c.Close(); err != nil {
			t.Error(err)
		}
		if err := r.b.Close(); err != nil {
			t.Error(err)
		}
	})
	r.do("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0",
		"CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)")
	return r
}

func (r *rig) do(sql ...string) {
	r.t.Helper()
	for _, s := range sql {
		if err := sqlitex.ExecuteTransient(r.c, s, nil); err != nil {
			r.t.Fatalf("%s: %v", s, err)
		}
	}
}

// rows counts the rows that a crash at this moment would leave: it opens a copy of the files.
func (r *rig) rows() (n int) {
	r.t.Helper()
	dir := r.t.TempDir()
	for _, end := range []string{"", "-wal"} {
		text, err := os.ReadFile(r.path + end)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "copy.db"+end), text, 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	c, err := sqlite.OpenConn(filepath.Join(dir, "copy.db"), sqlite.OpenReadWrite)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	err = sqlitex.ExecuteTransient(c, "SELECT COUNT(*) FROM t", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		n = s.ColumnInt(0)
		return nil
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestACommitIsInTheLogWhenItReturns(t *testing.T) {
	r := open(t)
	for n := 1; n <= 20; n++ {
		r.do("BEGIN IMMEDIATE")
		r.b.Begin()
		r.do(fmt.Sprintf("INSERT INTO t VALUES (%d, randomblob(%d))", n, n*n*1000))
		if got := r.rows(); got != n-1 {
			t.Fatalf("%d rows before commit %d, want %d", got, n, n-1)
		}
		r.do("COMMIT")
		if left := r.b.End(); left != 0 {
			t.Fatalf("%d bytes of commit %d were not handed on", left, n)
		}
		if got := r.rows(); got != n {
			t.Fatalf("%d rows after commit %d", got, n)
		}
	}
}

func TestTheLogIsTheSameWithAndWithoutTheBuffer(t *testing.T) {
	sizes := make([]int64, 2)
	for i := range sizes {
		r := open(t)
		for n := range 10 {
			r.do("BEGIN IMMEDIATE")
			if i == 1 {
				r.b.Begin()
			}
			r.do(fmt.Sprintf("INSERT INTO t VALUES (%d, zeroblob(%d))", n, n*10_000), "COMMIT")
			r.b.End()
		}
		info, err := os.Stat(r.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		sizes[i] = info.Size()
	}
	if sizes[0] != sizes[1] || sizes[0] < 400_000 {
		t.Errorf("the log has %d bytes without and %d with the buffer", sizes[0], sizes[1])
	}
}

// TestPagesThatLeaveTheCacheEarly makes SQLite write to the log, read from it and overwrite it before the commit.
func TestPagesThatLeaveTheCacheEarly(t *testing.T) {
	r := open(t)
	r.do("PRAGMA cache_size = 5", "BEGIN IMMEDIATE")
	r.b.Begin()
	for n := range 200 {
		r.do(fmt.Sprintf("INSERT INTO t VALUES (%d, zeroblob(3000))", n))
	}
	r.do("UPDATE t SET v = randomblob(3000)", "DELETE FROM t WHERE id % 2 = 0", "UPDATE t SET v = zeroblob(10)", "COMMIT")
	if left := r.b.End(); left != 0 {
		t.Errorf("%d bytes were not handed on", left)
	}
	if got := r.rows(); got != 100 {
		t.Errorf("%d rows after the commit, want 100", got)
	}
}

// TestARollbackLeavesNothingBehind lets another connection write after a rollback, at the place where the buffer would have written.
func TestARollbackLeavesNothingBehind(t *testing.T) {
	r := open(t)
	r.do("PRAGMA cache_size = 5", "BEGIN IMMEDIATE")
	r.b.Begin()
	for n := range 50 {
		r.do(fmt.Sprintf("INSERT INTO t VALUES (%d, randomblob(3000))", n))
	}
	r.do("ROLLBACK")
	r.b.End()
	other, err := sqlite.OpenConn(r.path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := sqlitex.ExecuteTransient(other, "INSERT INTO t VALUES (1, zeroblob(9000))", nil); err != nil {
		t.Fatal(err)
	}
	r.do("INSERT INTO t VALUES (2, NULL)")
	if got := r.rows(); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
	check := ""
	err = sqlitex.ExecuteTransient(other, "PRAGMA integrity_check", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		check += s.ColumnText(0)
		return nil
	}})
	if err != nil || strings.TrimSpace(check) != "ok" {
		t.Errorf("integrity check: %q, %v", check, err)
	}
}
