package app

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vending"
)

func TestFaultsHaveTheCodeThatTellsWhatToDo(t *testing.T) {
	for _, c := range []struct {
		err  error
		want refusal.Code
	}{
		{store.ErrOutcomeUnknown, refusal.OutcomeUnknown},
		{store.ErrFull, refusal.StorageFull},
		{store.ErrReadOnly, refusal.StorageUnavailable},
		{store.ErrBusy, refusal.StorageUnavailable},
		{store.ErrClosed, refusal.StorageUnavailable},
		{core.ErrBacklog, refusal.StorageUnavailable},
		{context.Canceled, refusal.StorageUnavailable},
		{context.DeadlineExceeded, refusal.StorageUnavailable},
		{store.ErrNotFound, refusal.NotFound},
		{store.ErrInvariant, refusal.Internal},
		{errors.New("anything else"), refusal.Internal},
		{errors.Join(store.ErrOutcomeUnknown, store.ErrReadOnly), refusal.OutcomeUnknown},
	} {
		if got := faultOf(fmt.Errorf("sell: %w", c.err)); got != c.want {
			t.Errorf("%v: got %s, want %s", c.err, got, c.want)
		}
	}
}

// TestBooksThatDoNotAddUpStopSelling: the server stays up, says why, and sells again once a verification finds them sound. It also says that it
// does not know the time zone in which a sale is dated.
func TestBooksThatDoNotAddUpStopSelling(t *testing.T) {
	a, err := New(Config{Data: t.TempDir(), HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte("a long passphrase"), Reserve: -1,
		KeyCost: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}, PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	guard := &issuer{Issuer: a.keys.Issuer(), unsound: a.soundness}
	if got := a.notReady(); len(got) != 0 {
		t.Errorf("got %v, want ready", got)
	}
	a.setUnsound("journal x does not sum to zero.")
	if got := a.notReady(); len(got) != 1 || got[0].Code != "verify-failed" {
		t.Errorf("got %v, want verify-failed", got)
	}
	if no := guard.Check(t.Context(), vending.IssueRequest{}); no.Code != refusal.StorageUnavailable {
		t.Errorf("got %s, want storage-unavailable", no.Code)
	}
	if answer, err := guard.Issue(t.Context(), vending.IssueRequest{}); err != nil || answer.Outcome != vending.Withheld || answer.Code != refusal.StorageUnavailable {
		t.Errorf("got %v, %v: a token could be made", answer.Outcome, err)
	}
	if answer, err := guard.Look().Issue(t.Context(), vending.IssueRequest{}); err != nil || answer.Outcome != vending.Withheld || answer.Code != refusal.StorageUnavailable {
		t.Errorf("got %v, %v: a token could be made within a request", answer.Outcome, err)
	}
	a.setUnsound("")
	if no := guard.Check(t.Context(), vending.IssueRequest{}); no.Code == refusal.StorageUnavailable || len(a.notReady()) != 0 {
		t.Errorf("got %s, want the key store's own answer again", no.Code)
	}
	if err := a.engine.Run(t.Context(), tenant, store.Job, func(tx *store.Tx) (bool, error) {
		set, err := tx.TenantSettings()
		if err != nil {
			return false, err
		}
		set.TZ = "Africa/Nowhere"
		return false, tx.PutTenantSettings(set)
	}); err != nil {
		t.Fatal(err)
	}
	if got := a.notReady(); len(got) != 1 || got[0].Code != refusal.TimeZoneUnknown {
		t.Errorf("got %v, want time-zone-unknown", got)
	}
}

// TestLargeBooksAreNotCheckedAllTheTime: after each check the server pauses for at least an hour, and it never checks for more
// than a tenth of the time.
func TestLargeBooksAreNotCheckedAllTheTime(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: time.Hour, time.Minute: time.Hour, 10 * time.Minute: 90 * time.Minute, time.Hour: 9 * time.Hour} {
		if got := verifyPause(took); got != want {
			t.Errorf("after a run of %s: %s of rest, want %s", took, got, want)
		}
	}
}

func TestTheEnginesHealthIsNamed(t *testing.T) {
	for _, c := range []struct {
		err  error
		want refusal.Code
	}{
		{errors.Join(nil, store.ErrInvariant), "invariant-broken"},
		{store.ErrFull, refusal.StorageFull},
		{store.ErrReadOnly, refusal.StorageUnavailable},
		{store.ErrClosed, refusal.StorageUnavailable},
	} {
		if got := unfit(c.err); got.Code != c.want || got.Detail() == "" {
			t.Errorf("%v: got %v, want %s with a text", c.err, got, c.want)
		}
	}
}
