package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	zombie "zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// freeze packs the data folder of a month, then continues for a moment on PostgreSQL and packs that.
func (w *month) freeze(to string) {
	db := openDatabase(w.T, w.p.dir)
	facts := frozen.Facts{Now: w.now.Add(time.Hour), TokenMeter: number(7012), WalletMeter: number(7101), Tables: tableColumns(w.T, db)}
	facts.Schema = int(number64(w.T, db, "PRAGMA user_version"))
	name := fmt.Sprintf("schema%04d-%s", facts.Schema, time.Now().UTC().Format(time.DateOnly))
	rows(w.T, db, "VACUUM", nil)
	rows(w.T, db, "PRAGMA wal_checkpoint(TRUNCATE)", func(*zombie.Stmt) {})
	if err := db.Close(); err != nil {
		w.Fatal(err)
	}
	folder := w.copyFolder(w.p.dir, "paywatt.db")
	e, err := sqlite.Open(w.copyFolder(w.p.dir, "paywatt.db"), sqlite.Options{Reserve: -1})
	if err != nil {
		w.Fatal(err)
	}
	w.pack(e, facts, folder, filepath.Join(to, name+"-sqlite.tar.gz"))

	url, keys := pgtest.New(w.T), filepath.Join(w.TempDir(), "keys")
	w.p.run(w, "", "store", "copy", "sqlite:"+w.p.dir, url, "--keys", keys)
	w.p.dir, w.env = keys, append(w.env, "PAYWATT_STORE="+url)
	w.day(31, 9, "slow-issuer")
	w.sell(w.as("vendor_api CORNER"), number(7002), 5_000)
	w.leaveOpen(number(7001))
	w.virtual(number(7002)).must(w, "sync") // the meter is connected when the plug is pulled
	await.True(w, "all is sealed", func() bool {
		out, _, _ := w.p.try("", "verify", "--data", keys, "-o", "json") // a customer's overdraft makes the exit code 1
		report := answer{body: []byte(out)}
		return report.text(w, "sound") == "true" && report.num(w, "figures", "rows_waiting_for_their_seal") == 0
	})
	w.server.kill()
	w.server = nil
	facts.Now = w.now.Add(time.Hour)
	folder = w.copyFolder(keys, "")
	dump, err := exec.Command("pg_dump", "--no-owner", "--no-acl", "--inserts", "--rows-per-insert=200", url).Output()
	if err != nil {
		w.Fatal(err)
	}
	var sql bytes.Buffer
	for line := range strings.Lines(string(dump)) {
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "--") { // lines with commands of psql and comments are left out
			sql.WriteString(line)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, frozen.DumpFile), sql.Bytes(), 0o600); err != nil {
		w.Fatal(err)
	}
	p, err := postgres.Open(w.Context(), url, postgres.Options{Dir: w.copyFolder(keys, ""), SealEvery: -1})
	if err != nil {
		w.Fatal(err)
	}
	w.pack(p, facts, folder, filepath.Join(to, name+"-postgres.tar.gz"))
}

// pack measures the tables and the books of an engine, and closes the engine. It writes the results, the passphrase and the settings into
// the folder, and packs the folder into an archive.
func (w *month) pack(e store.Engine, facts frozen.Facts, folder, to string) {
	w.Helper()
	var err error
	if facts.Tables, err = frozen.Measure(e, facts.Tables); err == nil {
		facts.Books, err = frozen.Books(e)
	}
	if err != nil {
		w.Fatal(err)
	}
	if err := e.Close(); err != nil {
		w.Fatal(err)
	}
	text, err := json.MarshalIndent(facts, "", " ")
	if err != nil {
		w.Fatal(err)
	}
	write(w.T, filepath.Join(folder, frozen.FactsFile), string(text)+"\n", 0o600)
	write(w.T, filepath.Join(folder, frozen.PassFile), passphrase+"\n", 0o600)
	write(w.T, filepath.Join(folder, "paywatt.toml"), "[[sms_route]]\nname = \"phone1\"\nkind = \"log\"\n", 0o600)
	if err := frozen.Pack(folder, to); err != nil {
		w.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil {
		w.Fatal(err)
	}
	empty := []string{}
	for name, t := range facts.Tables {
		if t.Rows == 0 {
			empty = append(empty, name)
		}
	}
	w.Logf("figures: %s has %d KiB, empty tables: %s", to, info.Size()>>10, empty)
}

// copyFolder copies keys, heads and the named file, but no files that a server can make again.
func (w *month) copyFolder(from string, also string) string {
	w.Helper()
	to := w.TempDir()
	names, err := os.ReadDir(from)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range names {
		name := n.Name()
		if !n.Type().IsRegular() || name != also && name != "heads.log" && !strings.HasSuffix(name, ".key") && !strings.HasPrefix(name, "keystore") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			w.Fatal(err)
		}
		write(w.T, filepath.Join(to, name), string(b), 0o600)
	}
	return to
}

// tableColumns lists the tables of a database with their columns.
func tableColumns(t *testing.T, db *zombie.Conn) map[string]frozen.Table {
	t.Helper()
	out := map[string]frozen.Table{}
	rows(t, db, `SELECT t.name, c.name, c.type FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid`, func(s *zombie.Stmt) {
		k := out[s.ColumnText(0)]
		k.Columns = append(k.Columns, s.ColumnText(1))
		k.Forms += strings.ToLower(s.ColumnText(2)[:1])
		out[s.ColumnText(0)] = k
	})
	return out
}
