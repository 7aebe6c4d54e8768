package store

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
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
	versions := versionsRead{tx, map[id.ID]tariff.Version{}}
	err := core.InSlices(tx.Tx, `SELECT object, after FROM audit WHERE tenant_id = $1 AND action = $2 ORDER BY id`, func(w core.Row) provenSale {
		return provenSale{name: w.Text(0), after: w.Text(1)}
	}, func(slice []provenSale) error {
		ids := make([]id.ID, 0, len(slice))
		for n := range slice {
			i, err := id.Parse(id.Vend, slice[n].name)
			if slice[n].bad = err != nil; err == nil {
				slice[n].id, ids = i, append(ids, i)
			}
		}
		b, err := tx.readSold(ids)
		if err != nil {
			return err
		}
		for _, p := range slice {
			s, found := b.sales[p.id]
			switch {
			case p.bad:
				r.Find("sale", "An audit row names sale %q, which is not a valid sale ID.", p.name)
				continue
			case !found:
				r.Find("sale", "An audit row names sale %s, which is missing.", p.name)
				continue
			}
			proven++
			if err := tx.verifyProven(r, p, s, b, versions); err != nil {
				return fmt.Errorf("sale %s: %w", p.name, err)
			}
		}
		return nil
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

// provenSale is an audit row of a sale.
type provenSale struct {
	name, after string
	id          id.ID
	bad         bool // whether the name is not the name of a sale
}

// verifyProven compares a sale with its audit row, its journals and its reversal.
func (tx *Tx) verifyProven(r *Report, p provenSale, s sale.Sale, b soldRows, versions versionsRead) error {
	f := sale.Facts{Key: b.keys[s.Key]}
	var err error
	if f.Tariff, err = versions.of(s.Tariff); err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	} // without its version the sale differs from its audit row
	if says, err := vending.Evidence(s, f); err != nil || says != p.after {
		r.Find("sale", "Sale %s was changed after it was made: its row says %q, but its audit row says %q.", p.name, says, p.after)
	}
	if err := verifySale(r, s, p.name, b, versions); err != nil {
		return err
	}
	verifySaleLife(r, s, p.name, b)
	return nil
}

// versionsRead caches the tariff versions of sales, because many sales share them.
type versionsRead struct {
	tx  *Tx
	all map[id.ID]tariff.Version
}

func (k versionsRead) of(version id.ID) (tariff.Version, error) {
	v, known := k.all[version]
	if known {
		return v, nil
	}
	v, err := k.tx.TariffVersion(version)
	if err == nil {
		k.all[version] = v
	}
	return v, err
}

// verifySale checks that the parts of a completed sale agree with each other and with its journal.
func verifySale(r *Report, s sale.Sale, name string, b soldRows, versions versionsRead) error {
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
	booked, err := wanted(s, versions)
	if err != nil {
		return err
	}
	j, found := b.journals[s.Journal()][name]
	if !found {
		return nil // verifySalesBooked reports a missing journal
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
func wanted(s sale.Sale, versions versionsRead) (map[ledger.AccountRef]money.Minor, error) {
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
	v, err := versions.of(s.Tariff)
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
