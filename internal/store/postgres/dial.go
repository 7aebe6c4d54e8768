package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// minimumVersion is PostgreSQL 15, the oldest version with which this engine is tested.
const minimumVersion = 150_000

// randomPageCost is what a page that is read out of order costs, beside one that is read in order. PostgreSQL assumes 4, as on a rotating disk,
// and then reads a table of some thousand accounts as a whole to find ten of them.
const randomPageCost = "1.1"

// Errors of opening.
var (
	// ErrURL: the text is not the URL of a PostgreSQL database.
	ErrURL = errors.New("not the URL of a PostgreSQL database")
	// ErrAway: the database does not answer, or refuses the connection.
	ErrAway = errAway
	// ErrVersion: the server is too old.
	ErrVersion = errors.New("the PostgreSQL server is too old")
	// ErrSettings: the server may lose acknowledged commits, or stores text in another encoding than UTF-8.
	ErrSettings = errors.New("the PostgreSQL server has settings that Paywatt cannot work with")
	// ErrForeign: the database belongs to another program.
	ErrForeign = errors.New("the database belongs to another program")
	// ErrKey: a key of the data folder differs from the key with which this database was written.
	ErrKey = errors.New("the data folder has a different key than the database")
	// ErrNotEmpty: the database has content already.
	ErrNotEmpty = errors.New("the database is not empty")
)

// Is reports whether store is the URL of a PostgreSQL database.
func Is(store string) bool {
	return strings.HasPrefix(store, "postgres://") || strings.HasPrefix(store, "postgresql://")
}

// Redact returns a URL without its password, for messages.
func Redact(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return url
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	return scheme + "://" + user + rest[at:]
}

// parse reads the URL and adds the settings that every connection needs. Waits have limits, so that a locked row, or a server that died
// with its locks, does not stop other connections forever.
func parse(url string) (*pgconn.Config, error) {
	if !Is(url) {
		return nil, fmt.Errorf("%w: %q does not begin with postgres://", ErrURL, Redact(url))
	}
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrURL, Redact(url)) // pgconn's own error may show the password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "paywatt"
	}
	for name, limit := range map[string]time.Duration{
		"lock_timeout": lockTime, "statement_timeout": workTime, "idle_in_transaction_session_timeout": workTime,
	} {
		config.RuntimeParams[name] = strconv.FormatInt(limit.Milliseconds(), 10)
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	if config.RuntimeParams["random_page_cost"] == "" {
		config.RuntimeParams["random_page_cost"] = randomPageCost
	}
	config.RuntimeParams["standard_conforming_strings"] = "on"
	config.RuntimeParams["bytea_output"] = "hex"
	if len(config.Fallbacks) == 0 || config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // not a standby
	}
	keepalive := &net.Dialer{Timeout: dialTime, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	config.DialFunc = keepalive.DialContext
	return config, nil
}

// dial opens a connection.
func dial(ctx context.Context, config *pgconn.Config) (*conn, error) {
	c := &conn{ctx: context.Background(), stmts: make(map[string]*pgconn.StatementDescription)}
	own := config.Copy()
	own.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			c.warning = n.Message
		}
	}
	reach := own.DialFunc
	own.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.uncancelled.Load() { // the driver dials again only to ask for a cancellation
			return nil, errUncancelled
		}
		return reach(ctx, network, address)
	}
	var err error
	if c.pg, err = pgconn.ConnectConfig(ctx, own); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	return c, nil
}

// errUncancelled: the server is not asked to cancel a statement.
var errUncancelled = errors.New("this statement is not cancelled")

// drop ends a connection without waiting for its work. It does nothing for nil.
func (c *conn) drop() {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.pg.Close(ctx) // an error does not matter: the server notices that the connection ended
}

// alive reports whether the connection may be used again.
func (c *conn) alive() bool { return c != nil && !c.pg.IsClosed() }

// askServer reads what [checkServer] judges, in one message.
const askServer = "SELECT current_setting('server_version_num'), current_setting('synchronous_commit'), current_setting('fsync'), " +
	"current_setting('full_page_writes'), current_setting('server_encoding')"

// checkServer refuses a server that is too old, acknowledges commits before they are durable, or does not store text as UTF-8.
func checkServer(c *conn) error {
	results, err := c.script(askServer)
	if err != nil {
		return err
	}
	row := results[len(results)-1].Rows[0]
	version, err := strconv.ParseInt(string(row[0]), 10, 64)
	if err != nil {
		return fmt.Errorf("read the version of the server: %w", err)
	}
	if version < minimumVersion {
		return fmt.Errorf("%w: it has version %d.%d, at least 15 is needed", ErrVersion, version/10_000, version%10_000)
	}
	for i, s := range []struct{ name, why string }{
		{"synchronous_commit", "a commit would be acknowledged before it is durable"},
		{"fsync", "a power cut could lose or damage everything"},
		{"full_page_writes", "a power cut could damage pages that are half written"},
	} {
		if string(row[1+i]) == "off" {
			return fmt.Errorf("%w: %s is off: %s", ErrSettings, s.name, s.why)
		}
	}
	if encoding := string(row[4]); encoding != "UTF8" {
		return fmt.Errorf("%w: the database stores text as %s, but it must be UTF8", ErrSettings, encoding)
	}
	return nil
}
