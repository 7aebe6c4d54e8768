package notify_test

import (
	"maps"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
)

// The stand-ins for transactions in these tests hold all rows themselves.

func (o *office) Carried() notify.CarriedTx      { return o }
func (o *office) Recipients() notify.RecipientTx { return o }
func (o *office) Outcomes() notify.OutcomeTx     { return o }
func (o *office) Queued() notify.QueuedTx        { return o }
func (o *office) Meters() registry.MeterLookup   { return o }

func (h *hall) Carried() notify.CarriedTx      { return h }
func (h *hall) Recipients() notify.RecipientTx { return h }
func (h *hall) Outcomes() notify.OutcomeTx     { return h }
func (h *hall) Queued() notify.QueuedTx        { return h }
func (h *hall) Meters() registry.MeterLookup   { return h }

func (c *counter) Carried() notify.CarriedTx      { return c }
func (c *counter) Recipients() notify.RecipientTx { return c }
func (c *counter) Outcomes() notify.OutcomeTx     { return c }
func (c *counter) Queued() notify.QueuedTx        { return c }
func (c *counter) Meters() registry.MeterLookup   { return c }
func (h tokenHall) Carried() notify.CarriedTx     { return h }

// A transaction that fails or is refused must change nothing. mark returns a function that undoes every later change.

type marked interface{ mark() (undo func()) }

// commit runs a transaction.
func commit[X any](tx X, fn func(X) (bool, error)) error {
	undo := func() {}
	if m, is := any(tx).(marked); is {
		undo = m.mark()
	}
	refused, err := fn(tx)
	if refused || err != nil {
		undo()
	}
	return err
}

func (o *office) mark() func() {
	messages, audit, stopped, waiting := slices.Clone(o.messages), slices.Clone(o.audit), maps.Clone(o.stopped), slices.Clone(o.early.rows)
	return func() { o.messages, o.audit, o.stopped, o.early.rows = messages, audit, stopped, waiting }
}

func (h *hall) mark() func() {
	office, tries, wrote := h.office.mark(), maps.Clone(h.tries), slices.Clone(h.wrote)
	for message, all := range tries {
		tries[message] = slices.Clone(all)
	}
	return func() { office(); h.tries, h.wrote = tries, wrote }
}

func (c *counter) mark() func() {
	office, tokens, heard, alarms := c.office.mark(), slices.Clone(c.tokens), maps.Clone(c.heard), slices.Clone(c.alarms)
	return func() { office(); c.tokens, c.heard, c.alarms = tokens, heard, alarms }
}

func (b *broken) mark() func() {
	if m, is := b.Tx.(marked); is {
		return m.mark()
	}
	return func() {}
}

func (o *office) NumberChange(string) (registry.NumberChange, bool, error) {
	return registry.NumberChange{}, false, nil
}

func (o *office) EndGoneAlarms(string, metering.AlarmCode, []string) error { return nil }

func (o *office) NumberHold(id.ID) (time.Time, bool, error) { return time.Time{}, !o.forged, nil }

func (h *hall) NumberChange(string) (registry.NumberChange, bool, error) {
	return registry.NumberChange{}, false, nil
}

func (h *hall) NumberHold(id.ID) (time.Time, bool, error) { return time.Time{}, !h.forged, nil }

func (c *counter) NumberChange(string) (registry.NumberChange, bool, error) {
	return registry.NumberChange{}, false, nil
}

func (c *counter) NumberHold(id.ID) (time.Time, bool, error) { return time.Time{}, !c.forged, nil }
