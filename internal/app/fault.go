package app

import (
	"context"
	"errors"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
)

// faultOf classifies an error for the caller.
func faultOf(err error) refusal.Code {
	switch {
	case errors.Is(err, store.ErrOutcomeUnknown), errors.Is(err, postgres.ErrNoFollower):
		// Without a standby nothing was stored now, but nobody can say whether an earlier request with the same key was.
		return refusal.OutcomeUnknown
	case errors.Is(err, store.ErrFull):
		return refusal.StorageFull
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrClosed), errors.Is(err, core.ErrBacklog):
		return refusal.StorageUnavailable
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// The wait for the store ended before the closure ran (store.Engine.Run), so nothing changed.
		return refusal.StorageUnavailable
	case errors.Is(err, store.ErrNotFound):
		return refusal.NotFound
	}
	if zone := (*localday.ZoneError)(nil); errors.As(err, &zone) {
		return refusal.TimeZoneUnknown
	}
	return refusal.Internal
}
