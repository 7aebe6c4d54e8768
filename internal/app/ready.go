package app

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/vending"
)

// These are the times at which a running server checks its own books. The first run comes shortly after the start and not at once, so that
// it does not delay the first requests. Each later run comes an hour after the end of the run before it. A run reads everything.
// Large books are checked less often, so that checking takes at most a tenth of the time.
const (
	verifyFirst = 10 * time.Second
	verifyEvery = time.Hour
	verifyRest  = 9 // least pause after a run, as a multiple of its length
)

// verifyPause returns the pause after a run of some length.
func verifyPause(took time.Duration) time.Duration { return max(verifyEvery, verifyRest*took) }

// notReady lists the reasons why the server cannot do all its work.
func (a *App) notReady() []refusal.Refusal {
	var out []refusal.Refusal
	if err := a.engine.Health(); err != nil {
		out = append(out, unfit(err))
	}
	a.mu.Lock()
	unsound := a.unsound
	a.mu.Unlock()
	if unsound != "" {
		out = append(out, refuse.ReadyBooksUnsound(unsound))
	}
	if no, err := a.vending.ClockFault(context.Background(), tenant); err == nil && no.Refused() {
		out = append(out, no)
	}
	if no, err := a.vending.ZoneFault(context.Background(), tenant); err == nil && no.Refused() {
		out = append(out, no)
	}
	if a.keys.Locked() {
		out = append(out, refuse.ReadyKeysLocked())
	}
	return out
}

// unfit lists the engine's own problems.
func unfit(err error) refusal.Refusal {
	switch {
	case errors.Is(err, store.ErrInvariant):
		return refuse.ReadyRuleBroken(err.Error())
	case errors.Is(err, store.ErrFull):
		return refuse.ReadyDiskFull()
	case errors.Is(err, postgres.ErrNoFollower):
		return refuse.ReadyNoStandby()
	}
	return refuse.ReadyDatabaseStopped(err.Error())
}

// soundness refuses every sale while the books are known not to balance.
func (a *App) soundness() refusal.Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unsound == "" {
		return refusal.Refusal{}
	}
	return refuse.BooksUnsound()
}

// verify checks the books again and again. It reads while everything else continues, and a finding stops only selling.
func (a *App) verify(ctx context.Context) error {
	if a.c.Unverified {
		<-ctx.Done()
		return nil
	}
	timer := time.NewTimer(verifyFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		began := time.Now()
		r, err := a.engine.verify(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			a.log.Warn("verification failed", logkey.Err, err)
		case !r.Sound():
			f, _ := r.Stops() // sales continue if only the proof is damaged
			a.log.Error("verification found errors in the books", logkey.Reason, r.Findings[0].What, logkey.Count, len(r.Findings)+r.More)
			a.setUnsound(f.What)
		default:
			a.setUnsound("")
		}
		debug.FreeOSMemory() // a start and a verification take memory that an idle server would keep for minutes
		timer.Reset(verifyPause(time.Since(began)))
	}
}

func (a *App) setUnsound(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unsound = what
}

// issuer wraps the key store's issuer and refuses while the books are not sound.
type issuer struct {
	*keystore.Issuer
	unsound func() refusal.Refusal
}

var (
	_ vending.LocalIssuer = (*issuer)(nil)
	_ vending.Checker     = (*issuer)(nil)
	_ vending.Refresher   = (*issuer)(nil)
)

// Look returns an issuer for one request, after the key store has checked its file. The methods Check and Issue still ask each
// time whether the books are sound.
func (i *issuer) Look() vending.Issuer { return &issuer{Issuer: i.Issuer.At(), unsound: i.unsound} }

// Check is called before anything is reserved.
func (i *issuer) Check(ctx context.Context, o vending.IssueRequest) refusal.Refusal {
	if no := i.unsound(); no.Refused() {
		return no
	}
	return i.Issuer.Check(ctx, o)
}

// Issue makes no token while Check would not allow one. The order stays open: its token can be made when the books are sound
// again.
func (i *issuer) Issue(ctx context.Context, o vending.IssueRequest) (vending.Answer, error) {
	if no := i.unsound(); no.Refused() {
		return vending.Answer{Outcome: vending.Withheld, Refusal: no}, nil
	}
	return i.Issuer.Issue(ctx, o)
}
