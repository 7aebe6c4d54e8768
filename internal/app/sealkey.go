package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// SealKeyResult is what a rotation of the seal key did.
type SealKeyResult struct {
	Resumed bool   // an earlier rotation was interrupted, or a backup from before it was restored; no new key was made
	Public  string // public line of the key that signs from now on
	Logs    int    // logs that were handed over to it; 0 if Resumed
}

// RotateSealKey makes a new seal key, and lets the old one hand every log over to it. No server may use the database meanwhile. The new key
// comes into use in one step: for SQLite when its file takes the place of the old one, and for PostgreSQL when the database names it. Before
// that step nothing has changed, and after it any start of a server finishes the rotation, or the same command.
func RotateSealKey(ctx context.Context, dir, url string, log *slog.Logger) (out SealKeyResult, err error) {
	c := databaseConfig{data: dir, url: url, now: plantClock(time.Now), follow: !clockPlanted(), log: log, rand: rand.Reader, brief: true, older: true}
	if url == "" {
		if c.lock, err = sqlite.TakeLock(dir); err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, c.lock.Release()) }()
	}
	staged, err := headlog.StagedKey(dir)
	if err != nil {
		return out, err
	}
	out, err = handOver(ctx, c, staged)
	if err != nil {
		return out, err
	}
	_, err = headlog.Finish(dir, out.Public, log)
	return out, err
}

// handOver stages a new key, if the rotation to the staged one has not taken place already.
func handOver(ctx context.Context, c databaseConfig, staged string) (out SealKeyResult, err error) {
	d, err := openDatabase(ctx, c)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	by := Clerk().Entry("sealkey.rotate", headlog.KeyFile)
	by.Before, by.After = d.keys.Public, d.keys.Public
	switch behind := d.shared != nil && d.shared.Behind(); {
	case behind:
		return SealKeyResult{Resumed: true, Public: d.keys.Public}, d.handOver(ctx, d.keys.Public, by, func([]seal.Head) error { return nil })
	case staged == d.keys.Public:
		return SealKeyResult{Resumed: true, Public: staged}, nil
	}
	next, err := headlog.NewKey(c.rand)
	if err != nil {
		return out, err
	}
	out.Public, by.After = next.Public(), next.Public()
	return out, d.handOver(ctx, next.Public(), by, func(heads []seal.Head) error {
		out.Logs = len(heads)
		return headlog.Stage(c.data, next, heads)
	})
}
