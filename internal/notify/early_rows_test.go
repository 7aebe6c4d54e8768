package notify_test

import (
	"bytes"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

// earlyRows are the answers that wait, in memory.
type earlyRows struct {
	rows   []early.Answer
	more   int // rows that wait besides
	locked []string
}

func (o *office) Early() early.Tx { return &o.early }

func (o *office) EndOldAlarms(metering.AlarmCode, time.Time) error { return nil }

func (e *earlyRows) LockEarly(_ early.Kind, source string) error {
	e.locked = append(e.locked, source)
	return nil
}

func (e *earlyRows) AddEarly(a early.Answer) error {
	if !slices.ContainsFunc(e.rows, func(b early.Answer) bool { return b.Name == a.Name && bytes.Equal(b.Hash, a.Hash) }) {
		e.rows = append(e.rows, a)
	}
	return nil
}

func (e *earlyRows) CountEarly(early.Kind, string, int) (int, error) {
	return e.more + len(e.rows), nil
}

func (e *earlyRows) EarlyNamed(k early.Kind, source, name string, max int) (out []early.Answer, err error) {
	for _, a := range e.rows {
		if a.Kind == k && a.Source == source && a.Name == name && len(out) < max {
			out = append(out, a)
		}
	}
	return out, nil
}

func (e *earlyRows) EarlyAbout(id.ID) (time.Time, bool, error) { return time.Time{}, false, nil }

func (e *earlyRows) EarlyOver(k early.Kind, now time.Time, max int) (out []early.Answer, err error) {
	for _, a := range e.rows {
		if a.Kind == k && !a.Until.After(now) && len(out) < max {
			out = append(out, a)
		}
	}
	return out, nil
}

func (e *earlyRows) DropEarly(a early.Answer) error {
	e.rows = slices.DeleteFunc(slices.Clone(e.rows), func(b early.Answer) bool { return b.Source == a.Source && bytes.Equal(b.Hash, a.Hash) })
	return nil
}

// brokenEarly are such rows in a transaction in which one statement fails.
type brokenEarly struct {
	b  *broken
	tx early.Tx
}

func (b *broken) Early() early.Tx { return brokenEarly{b, b.OutcomeTx.Early()} }

func (b *broken) EndOldAlarms(code metering.AlarmCode, before time.Time) error {
	_ = b.OutcomeTx.EndOldAlarms(code, before)
	return b.fails("EndOldAlarms")
}

func (e brokenEarly) LockEarly(k early.Kind, source string) error {
	_ = e.tx.LockEarly(k, source)
	return e.b.fails("LockEarly")
}

func (e brokenEarly) AddEarly(a early.Answer) error {
	_ = e.tx.AddEarly(a)
	return e.b.fails("AddEarly")
}

func (e brokenEarly) CountEarly(k early.Kind, source string, most int) (int, error) {
	n, _ := e.tx.CountEarly(k, source, most)
	return n, e.b.asked("CountEarly", most)
}

func (e brokenEarly) EarlyNamed(k early.Kind, source, name string, most int) ([]early.Answer, error) {
	all, _ := e.tx.EarlyNamed(k, source, name, most)
	return all, e.b.asked("EarlyNamed", most)
}

func (e brokenEarly) EarlyAbout(payment id.ID) (time.Time, bool, error) {
	until, found, _ := e.tx.EarlyAbout(payment)
	return until, found, e.b.fails("EarlyAbout")
}

func (e brokenEarly) EarlyOver(k early.Kind, now time.Time, most int) ([]early.Answer, error) {
	all, _ := e.tx.EarlyOver(k, now, most)
	return all, e.b.asked("EarlyOver", most)
}

func (e brokenEarly) DropEarly(a early.Answer) error {
	_ = e.tx.DropEarly(a)
	return e.b.fails("DropEarly")
}
