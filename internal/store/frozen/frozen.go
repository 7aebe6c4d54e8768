// Package frozen holds data that earlier builds wrote. Tests check that a later version can open the data, finds it complete and can sell
// with it. TestFreezeData in e2e adds archives; see CONTRIBUTING.md.
package frozen

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

//go:embed testdata
var archives embed.FS

// These are the names of the files in an archive that are not part of the data folder.
const (
	FactsFile = "facts.json"
	DumpFile  = "dump.sql"        // dump of the database, if it is a PostgreSQL database
	PassFile  = "TEST-passphrase" // passphrase of the test key store
)

// Facts describe frozen data.
type Facts struct {
	Schema      int              `json:"schema"`       // number of the last migration
	Now         time.Time        `json:"now"`          // clock of the server that wrote the data last
	TokenMeter  string           `json:"token_meter"`  // number of a meter that buys tokens; its last sale may be reversed
	WalletMeter string           `json:"wallet_meter"` // number of a meter with its balance on the server
	Tables      map[string]Table `json:"tables"`
	Books       []string         `json:"books"` // every ledger account with its balance
}

// Table describes the content of one table.
type Table struct {
	Columns []string `json:"columns"` // names of the columns, as in that schema
	Forms   string   `json:"forms"`   // form of each column: t text, i number, b bytes
	Rows    int64    `json:"rows"`
	Sum     string   `json:"sum"` // hash of the rows in any order
}

// Data is one archive.
type Data struct {
	Name  string
	Dir   string // folder into which the archive was unpacked
	Facts Facts
}

// Of unpacks the archives of a kind, sqlite or postgres, oldest schema first.
func Of(t testing.TB, kind string) (out []Data) {
	t.Helper()
	names, err := fs.Glob(archives, "testdata/*-"+kind+".tar.gz")
	if err != nil || len(names) == 0 {
		t.Fatalf("no frozen data for %s: %v", kind, err)
	}
	for _, name := range names {
		dir := filepath.Join(t.TempDir(), "data")
		if err := unpack(name, dir); err != nil {
			t.Fatalf("unpack %s: %v", name, err)
		}
		d := Data{Name: strings.TrimSuffix(filepath.Base(name), ".tar.gz"), Dir: dir}
		text, err := os.ReadFile(filepath.Join(dir, FactsFile))
		if err == nil {
			err = json.Unmarshal(text, &d.Facts)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, d)
	}
	return out
}

// Now returns the clock for a server that continues with the data.
func (d Data) Now() time.Time { return d.Facts.Now }

func unpack(name, dir string) error {
	f, err := archives.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), b, 0o600)
		}
		if err != nil {
			return err
		}
	}
}

// Pack writes the files of a folder into an archive, which depends only on their names and contents.
func Pack(dir, to string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w := tar.NewWriter(z)
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: n.Name(), Mode: 0o600, Size: int64(len(b))})
		}
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Close(), z.Close(), f.Close())
}

// Load puts the dump of frozen data into the empty database at url.
func (d Data) Load(t testing.TB, url string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Dir, DumpFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), string(text)).ReadAll()
	if err := errors.Join(err, c.Close(t.Context())); err != nil {
		t.Fatalf("load %s: %v", d.Name, err)
	}
}

// Measure counts and hashes the rows of the given tables, in the given columns.
func Measure(e store.Engine, of map[string]Table) (map[string]Table, error) {
	out := map[string]Table{}
	err := e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			t := of[name]
			var content [sha256.Size]byte
			t.Rows = 0
			err := tx.C.Query(`SELECT `+strings.Join(t.Columns, ", ")+` FROM `+name, func(r core.Row) error {
				t.Rows++
				for i, b := range rowHash(r, t.Forms) {
					content[i] ^= b
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
			t.Sum = hex.EncodeToString(content[:8])
			out[name] = t
		}
		return nil
	})
	return out, err
}

func rowHash(r core.Row, forms string) [sha256.Size]byte {
	var b []byte
	for i, form := range forms {
		switch {
		case r.IsNull(i):
			b = append(b, "-,"...)
		case form == 'i':
			b = fmt.Appendf(b, "%d,", r.Int(i))
		case form == 'b':
			b = fmt.Appendf(b, "%x,", r.Bytes(i))
		default:
			b = fmt.Appendf(b, "%q,", r.Text(i))
		}
	}
	return sha256.Sum256(b)
}

// Books lists every ledger account with the sum of its postings.
func Books(e store.Engine) (out []string, err error) {
	err = e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT a.code, a.subject, SUM(p.amount) FROM ledger_account a JOIN posting p ON p.tenant_id = a.tenant_id AND p.account = a.n
			GROUP BY a.code, a.subject ORDER BY a.code, a.subject`, func(r core.Row) error {
			out = append(out, fmt.Sprintf("%d %s %d", r.Int(0), r.Text(1), r.Int(2)))
			return nil
		})
	})
	return out, err
}

// Check compares an engine's data with the frozen data: no row may be missing or different.
func (f Facts) Check(t testing.TB, e store.Engine) {
	t.Helper()
	got, err := Measure(e, f.Tables)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range f.Tables {
		if slices.Contains(changing(), name) {
			continue
		}
		if have := got[name]; have.Rows != want.Rows || have.Sum != want.Sum {
			t.Errorf("table %s has %d rows with sum %s, frozen were %d with sum %s", name, have.Rows, have.Sum, want.Rows, want.Sum)
		}
	}
	books, err := Books(e)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(books, f.Books) {
		t.Errorf("the books say\n%s\nfrozen was\n%s", strings.Join(books, "\n"), strings.Join(f.Books, "\n"))
	}
}

// changing lists the tables that change when a database is opened: its own settings and the servers that use it. If a migration is meant to
// change old rows, add their table here with the reason.
func changing() []string { return []string{"meta", "leader", "session"} }
