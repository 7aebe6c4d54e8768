package postgres

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ErrDiffers: the copy differs from the rows that were sent, and was rolled back.
var ErrDiffers = errors.New("the copy is not equal to its source")

// Filled describes the copy that [Fill] has made.
type Filled struct {
	Tables []FilledTable
	Report *store.Report // verification of the copy; equal to the source's report
	Epoch  int64
}

// FilledTable is a table with its number of rows.
type FilledTable struct {
	Name string
	Rows int64
}

// Purpose says what a copy is made for.
type Purpose struct {
	// Move is the name of the move, by which [Arrived] finds it; empty if the source stays in use. Then the copy begins a store epoch of
	// its own, so that it does not use the same numbers as the source.
	Move string
	// Ready is called when the copy is complete and equal, before the commit; its error rolls everything back.
	Ready func() error
}

// Fill copies the content of another store into the empty database at url, in one transaction: all of it or nothing. Before the commit it
// compares every table with the rows that it sent. It also verifies the copy from its rows alone, against the same heads, and compares the
// report with the source's report. If Fill returns an error after it has called Ready, the copy may or may not be committed: ask [Arrived].
// Even then Fill describes the copy that it made.
func Fill(ctx context.Context, url string, src store.Source, p Purpose) (Filled, error) {
	config, err := parse(url)
	if err != nil {
		return Filled{}, err
	}
	for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[limit] = "0" // only ctx limits the time
	}
	o, err := Options{}.withDefaults()
	if err != nil {
		return Filled{}, err
	}
	c, err := dial(ctx, config)
	if err != nil {
		return Filled{}, err
	}
	defer c.drop()
	c.ctx = ctx
	if err := checkServer(c); err != nil {
		return Filled{}, err
	}
	var out Filled
	err = c.within(func() error {
		if out, err = fill(c, src, p, o); err != nil {
			return err
		}
		return p.Ready()
	})
	return out, err
}

// Arrived checks whether a move has arrived in the database at url. It returns the store epoch if everything has arrived, and 0 if the
// database is empty and no transaction is still filling it. If the database has other content, it returns [ErrNotEmpty].
func Arrived(ctx context.Context, url, move string) (epoch int64, err error) {
	config, err := parse(url)
	if err != nil {
		return 0, err
	}
	c, err := dial(ctx, config)
	if err != nil {
		return 0, err
	}
	defer c.drop()
	c.ctx = ctx
	err = c.within(func() error {
		version, err := alone(c)
		if err != nil || version == 0 {
			return err
		}
		name, err := c.text(`SELECT value FROM meta WHERE key = $1`, metaArrived)
		if err == nil && (name == "" || name != move) {
			err = fmt.Errorf("%w: its content is not what was moved", ErrNotEmpty)
		}
		if err == nil {
			epoch, err = c.number(selectEpoch)
		}
		return err
	})
	return epoch, err
}

// fill is the transaction of Fill.
func fill(c *conn, src store.Source, p Purpose, o Options) (Filled, error) {
	var out Filled
	if err := build(c); err != nil {
		return out, err
	}
	tables, err := src.Tables()
	if err != nil {
		return out, err
	}
	for _, t := range tables {
		if _, err := c.Exec(`DELETE FROM "` + t.Name + `"`); err != nil { // the source also has the rows that migrations insert
			return out, err
		}
		n, err := fillTable(c, src, t)
		if err != nil {
			return out, err
		}
		out.Tables = append(out.Tables, FilledTable{t.Name, n})
	}
	if err := finish(c, src, o); err != nil {
		return out, err
	}
	if _, err := c.plain("ANALYZE"); err != nil { // without it the verification reads large tables again and again, as if they were empty
		return out, err
	}
	if out.Report, err = compare(c, src); err != nil {
		return out, err
	}
	if out.Epoch, err = c.number(selectEpoch); err != nil {
		return out, err
	}
	if p.Move != "" {
		_, err := c.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, metaArrived, p.Move)
		return out, err
	}
	tx := store.NewTx(c, store.FirstTenant, o.Now(), o.Rand, out.Epoch, nil)
	out.Epoch, err = tx.BeginEpoch(tx.Now, store.Branch{})
	return out, err
}

// build makes the tables of an empty database, without the first rows.
func build(c *conn) error {
	if version, err := alone(c); err != nil || version != 0 {
		return errors.Join(err, fmt.Errorf("%w: a copy needs a database without tables", ErrNotEmpty))
	}
	steps, err := c.plan.Migrations()
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := carryOut(c, s); err != nil {
			return fmt.Errorf("migration %04d_%s: %w", s.N, s.Name, err)
		}
	}
	return nil
}

// metaArrived is the key of meta for the name of the move that brought the content.
const metaArrived = "arrived"

// alone waits until no other transaction changes the schema, and keeps other transactions out until this one ends. It also waits for a
// transaction whose client is gone. It returns the number of the schema, or 0 for an empty database.
func alone(c *conn) (int, error) {
	if _, err := c.plain(fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock)); err != nil {
		return 0, err
	}
	return schema(c)
}

// finish adds the rows that only this engine stores.
func finish(c *conn, src store.Source, o Options) error {
	steps, err := c.plan.Migrations()
	if err != nil {
		return err
	}
	for key, value := range map[string]string{metaSchema: strconv.Itoa(len(steps)), metaSealer: src.Trust(store.FirstTenant).Keys.Public} {
		if _, err := c.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)`, key, value); err != nil {
			return err
		}
	}
	// Release work that the source's server had claimed: it does not serve this database.
	if err := core.Unclaim(c, "", o.Now()); err != nil {
		return err
	}
	if _, err := c.Exec(`DELETE FROM meta WHERE key LIKE 'key:%'`); err != nil {
		return err
	}
	_, err = c.plain(`SELECT setval(pg_get_serial_sequence('reading', 'id'), COALESCE((SELECT MAX(id) FROM reading), 0) + 1, false)`)
	return err
}

// sum counts and hashes the rows of a table, in any order.
type sum struct {
	rows    int64
	content [sha256.Size]byte
}

// add adds a row with its values as PostgreSQL writes them.
func (s *sum) add(values [][]byte) {
	h := sha256.New()
	for _, v := range values {
		mark := byte(0) // NULL is not an empty text
		if v != nil {
			mark = 1
		}
		_, _ = h.Write(binary.BigEndian.AppendUint64([]byte{mark}, uint64(len(v)))) // writing to a hash never fails
		_, _ = h.Write(v)
	}
	s.rows++
	for i, b := range h.Sum(nil) {
		s.content[i] ^= b
	}
}

// fillTable copies one table, reads it back and compares.
func fillTable(c *conn, src store.Source, t core.Table) (int64, error) {
	var sent, there sum
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := bufio.NewWriterSize(w, 64<<10)
		err := src.Rows(t, func(values []any) error {
			texts, err := written(t, values)
			if err != nil {
				return err
			}
			sent.add(texts)
			return writeRow(b, texts)
		})
		if err == nil {
			err = b.Flush()
		}
		_ = w.CloseWithError(err) // nil ends the copy normally
	}()
	columns := `"` + strings.Join(t.Columns, `", "`) + `"`
	_, err := c.pg.CopyFrom(c.ctx, r, `COPY "`+t.Name+`" (`+columns+`) FROM STDIN`)
	_ = r.CloseWithError(io.ErrClosedPipe) // stops the goroutine if it still writes
	<-done
	if err != nil {
		return 0, fmt.Errorf("copy table %s: %w", t.Name, c.judge(err))
	}
	err = c.each(`SELECT `+columns+` FROM "`+t.Name+`"`, func(r core.Row) error { there.add(r.(row)); return nil }, nil)
	if err == nil && there != sent {
		err = fmt.Errorf("%w: table %s has %d rows and %d were sent, or the rows differ", ErrDiffers, t.Name, there.rows, sent.rows)
	}
	return sent.rows, err
}

// written writes the values of a row as PostgreSQL does.
func written(t core.Table, values []any) ([][]byte, error) {
	out := make([][]byte, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
		case int64:
			out[i] = strconv.AppendInt(nil, v, 10)
		case []byte:
			out[i] = hex.AppendEncode([]byte(`\x`), v)
		case string:
			if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
				return nil, fmt.Errorf("table %s, column %s: %w", t.Name, t.Columns[i], errText)
			}
			out[i] = []byte(v)
		default:
			return nil, fmt.Errorf("table %s, column %s: a value of type %T", t.Name, t.Columns[i], v)
		}
	}
	return out, nil
}

// writeRow writes a row in the text format of COPY.
func writeRow(b *bufio.Writer, values [][]byte) error {
	for i, v := range values {
		if i > 0 {
			_ = b.WriteByte('\t') // a bufio.Writer keeps its first error, and the end of the line reports it
		}
		if v == nil {
			_, _ = b.WriteString(`\N`)
			continue
		}
		for _, c := range v {
			switch c {
			case '\\':
				_, _ = b.WriteString(`\\`)
			case '\t':
				_, _ = b.WriteString(`\t`)
			case '\n':
				_, _ = b.WriteString(`\n`)
			case '\r':
				_, _ = b.WriteString(`\r`)
			default:
				_ = b.WriteByte(c)
			}
		}
	}
	return b.WriteByte('\n')
}

// compare verifies the copy and compares the report with the source's report.
func compare(c *conn, src store.Source) (*store.Report, error) {
	c.reading, c.stream = true, true // no locks, and whole tables need not fit into memory
	defer func() { c.reading, c.stream = false, false }()
	r := new(store.Report)
	if _, err := inspect(c, func(t access.Tenant, _ string) store.Trust { return src.Trust(t) }, r); err != nil {
		return nil, err
	}
	if want := src.Report(); !slices.Equal(within(r.Figures), within(want.Figures)) || !slices.Equal(r.Findings, want.Findings) ||
		len(r.Notices) != len(want.Notices) || len(r.Remarks) != len(want.Remarks) || r.More != want.More {
		return nil, fmt.Errorf("%w: verification gives %v and %d findings for the copy, but %v and %d findings for the source", ErrDiffers,
			r.Figures, len(r.Findings), want.Figures, len(want.Findings))
	}
	return r, nil
}

// within returns the figures about the database itself, ordered by name. It leaves out figures about files outside the
// database, because these files are not copied.
func within(all []store.Figure) []store.Figure {
	out := slices.DeleteFunc(slices.Clone(all), func(f store.Figure) bool {
		return strings.HasSuffix(f.Name, "outside the database") || strings.HasPrefix(f.Name, "torn lines")
	})
	slices.SortFunc(out, func(a, b store.Figure) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// BeginEpoch begins a new store epoch in the database at url. Call it after the database was restored with PostgreSQL's own tools, or
// after a standby was promoted that may lack the last commits. The parameter taken is the time of the backup, or of the newest commit in
// the database. The parameter compared says with what the database was compared before, and is recorded for the epoch unless it is empty. No
// server may run on the database.
func BeginEpoch(ctx context.Context, url string, taken time.Time, compared string) (epoch int64, err error) {
	err = unservedDo(ctx, url, func(c *conn, o Options) error {
		tx := store.NewTx(c, store.FirstTenant, o.Now(), o.Rand, 0, nil)
		if epoch, err = tx.BeginEpoch(taken, store.Branch{}); err != nil {
			return err
		}
		if err := tx.PutCompared(epoch, compared); err != nil {
			return err
		}
		history, err := c.text(askHistory)
		if err != nil {
			return err
		}
		return tx.PutMeta(metaHistory, history)
	})
	return epoch, err
}

// Upgrade brings the database at url to this version's schema. No server may run on it.
func Upgrade(ctx context.Context, url string) error {
	return unservedDo(ctx, url, func(*conn, Options) error { return nil })
}

// unservedDo runs work in one transaction on a database that no server uses, after it has upgraded the database.
func unservedDo(ctx context.Context, url string, work func(*conn, Options) error) error {
	config, err := parse(url)
	if err != nil {
		return err
	}
	c, err := dial(ctx, config)
	if err != nil {
		return err
	}
	defer c.drop()
	o, err := Options{}.withDefaults()
	if err != nil {
		return err
	}
	c.ctx = ctx
	version, err := schema(c)
	if err == nil && version == 0 {
		err = fmt.Errorf("%w: it has no tables", ErrForeign)
	}
	if err == nil {
		err = migrate(c, o)
	}
	if err != nil {
		return err
	}
	return c.within(func() error {
		if err := unserved(c, o); err != nil {
			return err
		}
		return work(c, o)
	})
}

// ErrServed: a server is running on the database.
var ErrServed = errors.New("servers are using this database")
