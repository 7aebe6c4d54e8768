package store

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// verifyEvidence compares every completed sale with its sealed evidence: the journal holds the money, and the audit row holds the rest. The
// rows of sales and tokens are not in the log themselves, because tokens change later. Everything that must not change is in the journal
// and the audit row.
func (tx *Tx) verifyEvidence(r *Report) error {
	proven := int64(0)
	facts := factsRead{tx, map[id.ID]registry.Key{}, map[id.ID]tariff.Version{}}
	err := tx.C.Query(`SELECT object, after FROM audit WHERE tenant_id = $1 AND action = $2 ORDER BY id`, func(w core.Row) error {
		object, after := w.Text(0), w.Text(1)
		i, err := id.Parse(id.Vend, object)
		if err != nil {
			r.Find("sale", "An audit row names sale %q, which is not a valid sale ID.", object)
			return nil
		}
		s, found, err := tx.VendSale(i)
		switch {
		case err != nil:
			return fmt.Errorf("sale %s: %w", object, err)
		case !found:
			r.Find("sale", "An audit row names sale %s, which is missing.", object)
			return nil
		}
		proven++
		f, err := facts.of(s)
		if err != nil {
			return fmt.Errorf("sale %s: %w", object, err)
		}
		if says, err := vending.Evidence(s, f); err != nil || says != after {
			r.Find("sale", "Sale %s was changed after it was made: its row says %q, but its audit row says %q.", object, says, after)
		}
		if err := tx.verifySale(r, s, object); err != nil {
			return err
		}
		return tx.verifySaleLife(r, s, object)
	}, tx.Tenant, proof.Action)
	if err != nil {
		return err
	}
	done, err := tx.Number(`SELECT COUNT(*) FROM vend WHERE tenant_id = $1 AND state IN `+doneStates, tx.Tenant)
	if done != proven {
		r.Find("sale", "%d sales are completed, but the audit rows record %d.", done, proven)
	}
	return err
}

// factsRead caches the keys and tariff versions of sales, because many sales share them.
type factsRead struct {
	tx       *Tx
	keys     map[id.ID]registry.Key
	versions map[id.ID]tariff.Version
}

// maxFacts is how many keys are remembered.
const maxFacts = 1 << 16

func (f factsRead) of(s sale.Sale) (out sale.Facts, err error) {
	known := false
	if out.Key, known = f.keys[s.Key]; !known {
		if out.Key, _, err = f.tx.VendKey(s.Key); err != nil {
			return out, err
		}
		if len(f.keys) >= maxFacts {
			clear(f.keys)
		}
		f.keys[s.Key] = out.Key
	}
	if out.Tariff, known = f.versions[s.Tariff]; !known {
		out.Tariff, err = f.tx.TariffVersion(s.Tariff)
		if errors.Is(err, core.ErrNotFound) {
			err = nil // the sale will then differ from its audit row
		}
		f.versions[s.Tariff] = out.Tariff
	}
	return out, err
}

// verifySale checks that the parts of a completed sale agree with each other and with its journal.
func (tx *Tx) verifySale(r *Report, s sale.Sale, name string) error {
	var units unit.Energy
	for _, t := range s.Tokens {
		units += t.Units
		if t.Meter != s.Meter.N || t.State == sale.TokenReserved || t.State == sale.TokenFailed || len(t.Sealed) == 0 {
			r.Find("token", "Token %s of completed sale %s has no digits, or its state or meter is wrong.", t.ID.Text(id.Token), name)
		}
	}
	lines := map[sale.LineKind]money.Minor{}
	for _, l := range s.Lines {
		lines[l.Kind] += l.Amount
		if l.Kind == sale.LineEnergy && !stepsFit(l, s.Units-s.Free) {
			r.Find("sale", "The price steps of sale %s do not add up to %d Wh for %d.", name, s.Units-s.Free, l.Amount)
		}
	}
	if lines[sale.LineCarry] != s.CarryOut || lines[sale.LineCarryIn] != -s.CarryIn {
		r.Find("sale", "Sale %s carried %d in and %d out, but its lines say %d and %d.", name, s.CarryIn, s.CarryOut,
			-lines[sale.LineCarryIn], lines[sale.LineCarry])
	}
	booked, err := tx.wanted(s)
	if err != nil {
		return err
	}
	j, found, err := tx.JournalByRef(s.Journal(), name)
	if err != nil || !found {
		return err // verifySalesBooked reports a missing journal
	}
	for _, p := range j.Postings {
		booked[p.Account] -= p.Amount
	}
	for a, off := range booked {
		if off != 0 {
			r.Find("sale", "Sale %s and its journal differ by %d on account %q.", name, off, a.Name())
		}
	}
	return nil
}

// wanted returns the amount that a sale's lines should post to each account.
func (tx *Tx) wanted(s sale.Sale) (map[ledger.AccountRef]money.Minor, error) {
	tax, carry := ledger.AccountRef{Code: ledger.VATPayable}, ledger.AccountRef{Code: ledger.Carry, Subject: s.Account.Text(id.Account)}
	out := map[ledger.AccountRef]money.Minor{s.Source(): s.Tender.Minor, carry: s.CarryIn - s.CarryOut}
	for _, l := range s.Lines {
		if to, ok := s.Credited(l); ok {
			out[to] -= l.Amount
		}
		if l.Kind == sale.LineWallet && l.VAT != 0 { // this tax is owed at once
			out[ledger.AccountRef{Code: ledger.VATOnAdvances}] += l.VAT
			out[tax] -= l.VAT
		}
	}
	if s.Free == 0 {
		return out, nil
	}
	v, err := tx.TariffVersion(s.Tariff)
	if err != nil {
		return nil, err
	}
	net, vat, err := v.Body.Funding(s.Free)
	out[ledger.AccountRef{Code: ledger.SubsidyReceivable, Subject: vending.FreeProgramme}] += net + vat
	out[ledger.AccountRef{Code: ledger.RevenueSubsidy}] -= net
	out[tax] -= vat
	return out, err
}

// stepsFit reports whether the steps of an energy line add up to its units and its amount.
func stepsFit(l sale.Line, units unit.Energy) bool {
	var sold unit.Energy
	var amount money.Minor
	for _, s := range l.Steps {
		sold += s.Units
		amount += s.Amount
	}
	return sold == units && amount == l.Amount
}
