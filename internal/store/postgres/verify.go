package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// verifyTime limits a verification, because its snapshot keeps PostgreSQL from cleaning up.
const verifyTime = 6 * time.Hour

// Verify checks the database at url, whether or not servers run on it: store.Verify for every tenant, on one snapshot,
// against the key and the signed heads in the data folder dir. It writes nothing. Rows that were committed in the last
// second may not be sealed yet; the report counts them.
func Verify(ctx context.Context, url, dir string) (*store.Report, error) {
	return VerifyWith(ctx, url, dir, headlog.ExternalHeads{})
}

// VerifyWith is Verify, but also checks against heads and a key that were stored outside the data folder.
func VerifyWith(ctx context.Context, url, dir string, outside headlog.ExternalHeads) (*store.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTime)
	defer cancel()
	c, err := reach(ctx, url)
	if err != nil {
		return nil, err
	}
	defer c.drop()
	return verify(c, dir, outside)
}

func verify(c *conn, dir string, outside headlog.ExternalHeads) (*store.Report, error) {
	r := new(store.Report)
	// Read the heads before the snapshot: servers continue to seal, and the snapshot would lack the rows that later heads sign.
	trust, err := headlog.ReadTrust(dir, r)
	if err == nil {
		err = trust.Join(outside, r)
	}
	if err == nil {
		err = look(c)
	}
	if err != nil {
		return nil, err
	}
	public, err := c.text(`SELECT value FROM meta WHERE key = $1`, metaSealer)
	if err != nil {
		return nil, err
	}
	if public != trust.Public {
		r.Find("head", "The database is sealed with key %s, but the folder has key %s.", public, trust.Public)
	}
	origins, err := inspect(c, trust.Of, r)
	if err == nil {
		trust.Strays(origins, r)
	}
	return r, err
}

// reach connects to read with cursors.
func reach(ctx context.Context, url string) (*conn, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["statement_timeout"] = "0" // only ctx limits the time
	config.ValidateConnect = nil                    // a standby can be verified too
	c, err := dial(ctx, config)
	if err != nil {
		return nil, err
	}
	c.ctx, c.stream = ctx, true
	return c, nil
}

// look opens one snapshot and checks that the database has this version's schema.
func look(c *conn) error {
	if err := c.begin(beginView); err != nil {
		return err
	}
	version, err := schema(c)
	steps, more := c.plan.Migrations()
	switch err = errors.Join(err, more); {
	case err != nil:
	case version > len(steps):
		err = store.TooNew(version, len(steps))
	case version == 0:
		err = fmt.Errorf("%w: it has no tables", ErrForeign)
	case version < len(steps):
		err = store.TooOld(version, len(steps))
	}
	return err
}

// inspect checks every tenant in the connection's snapshot.
func inspect(c *conn, trust func(access.Tenant, string) store.Trust, r *store.Report) ([]string, error) {
	if err := verifySchema(c, r); err != nil {
		return nil, err
	}
	epoch, err := c.number(selectEpoch)
	if err != nil {
		return nil, err
	}
	return store.VerifyAll(func(t access.Tenant) *store.Tx {
		return store.NewTx(streamed{c}, t, time.Now(), rand.Reader, epoch, nil)
	}, trust, r)
}
