package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// numbered is a store whose server has a data key, with a customer who has a telephone number.
type numbered struct {
	keyed
	customer id.ID
}

const itsNumber = "+254700000001"

// openNumbered opens a store with two customers of wallet meters. The first has a number that was changed and confirmed.
func openNumbered(t *testing.T, r Rig) numbered {
	k := numbered{keyed: keyed{t, r.Open(t), markerOf("data key")}}
	k.registerNumber(addWalletMeter(t, k.e, 2, 0), "+254700000002")
	k.customer = k.registerNumber(addWalletMeter(t, k.e, 1, 0), itsNumber)
	k.holdNumber(base())
	return k
}

// registerNumber gives the customer of a meter a number.
func (k numbered) registerNumber(p walletMeter, phone string) (customer id.ID) {
	k.runServer(func(tx *store.Tx) error {
		c, _, err := tx.AccountHolder(p.account)
		customer, c.Phone = c.ID, phone
		return firstOf(err, tx.CustomerPut(c))
	})
	return customer
}

// putNumber changes the number of the customer.
func (k numbered) putNumber(phone string) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		c, _, err := tx.CustomerByID(k.customer)
		c.Phone = phone
		return firstOf(err, tx.CustomerPut(c))
	})
}

// holdNumber records a change of the customer's number that is held until a time.
func (k numbered) holdNumber(until time.Time) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		return tx.PutNumberChange(registry.NumberChange{Owner: registry.PhoneOwner(k.customer), By: "clerk", At: until, HeldUntil: until})
	})
}

// numberDecides reports whether the number decides for payments. What it decides for messages is the same.
func (k numbered) numberDecides() (decides bool) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		called, err := tx.CalledMeters(payment.ReadReference("0700000001"), 5)
		subscribed, err2 := tx.Subscriptions(itsNumber, 5)
		_, why := payment.Match(nil, nil, called, tx.Now)
		decides = why == payment.NoReason
		for _, s := range subscribed {
			if !s.Unsettled && !decides {
				k.t.Errorf("for payments the number means %+v, and for messages %+v", called, subscribed)
			}
		}
		return firstOf(err, err2)
	})
	return decides
}

// countNumbers counts the numbers that verification names: those with a wrong mark, and those without one.
func (k numbered) countNumbers() (wrong, without int) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		wrong, without = 0, 0
		_, err := tx.ForgedNumbers(func(_ id.ID, marked bool) {
			if marked {
				wrong++
			} else {
				without++
			}
		})
		return err
	})
	return wrong, without
}

// wantNumber checks whether the number decides, and how many numbers verification names.
func (k numbered) wantNumber(name string, decides bool, wrong, without int) {
	k.t.Helper()
	if got := k.numberDecides(); got != decides {
		k.t.Errorf("%s: the number decides: %t", name, got)
	}
	if w, n := k.countNumbers(); w != wrong || n != without {
		k.t.Errorf("%s: verification names %d numbers with a wrong mark and %d without, want %d and %d", name, w, n, wrong, without)
	}
}

// editsOfNumbers are the ways in which somebody who can write to the database changes what a number decides.
var editsOfNumbers = map[string]string{
	"another form of the number":   `UPDATE customer SET phone = '254700000001' WHERE id = $1`,
	"no number":                    `UPDATE customer SET phone = '' WHERE id = $1`,
	"found by nothing":             `UPDATE customer SET search = '' WHERE id = $1`,
	"another time":                 `UPDATE customer SET phone_since = phone_since - 1 WHERE id = $1`,
	"the mark of another customer": `UPDATE customer SET mark = (SELECT o.mark FROM customer o WHERE o.id <> $1) WHERE id = $1`,
	"no mark":                      `UPDATE customer SET mark = NULL WHERE id = $1`,
	"its hold ended":               `UPDATE number_change SET held_until = held_until - 1 WHERE owner = $2`,
	"changed by somebody else":     `UPDATE number_change SET by_actor = 'other' WHERE owner = $2`,
	"changed by another person":    `UPDATE number_change SET self = (SELECT id FROM customer ORDER BY id LIMIT 1) WHERE owner = $2`,
	"its hold taken away":          `DELETE FROM number_change WHERE owner = $2`,
}

// changedNumbers changes a number or its hold in the database. The number decides nothing, and verification names it. No later act of the server
// makes it count, except the entry of another number.
func changedNumbers(t *testing.T, r Rig) {
	for name, edit := range editsOfNumbers {
		k := openNumbered(t, r)
		k.wantNumber("the server wrote it", true, 0, 0)
		if edit = strings.ReplaceAll(edit, "$2", "'"+registry.PhoneOwner(k.customer)+"'"); strings.Contains(edit, "$1") {
			k.editRow(edit, k.customer)
		} else {
			k.editRow(edit)
		}
		wrong, without := 1, 0
		if name == "no mark" {
			wrong, without = 0, 1
		}
		k.wantNumber(name, false, wrong, without)
		k.runServer(func(tx *store.Tx) error { // the name of the customer changes, which writes the whole row
			c, _, err := tx.CustomerByID(k.customer)
			c.Name = "Amina B."
			return firstOf(err, tx.CustomerPut(c))
		})
		k.holdNumber(base())
		k.wantNumber(name+", and then the server wrote the row", false, wrong, without)
		k.putNumber("+254711000001")
		k.putNumber(itsNumber)
		k.wantNumber(name+", and then a clerk entered the number again", true, 0, 0)
	}
}

// editsOfSharers are the ways in which somebody who can write to the database hides that another customer has the same number.
var editsOfSharers = map[string]string{
	"another number":               `UPDATE customer SET phone = '+254711000001' WHERE id = $1`,
	"no number":                    `UPDATE customer SET phone = '' WHERE id = $1`,
	"found by nothing":             `UPDATE customer SET search = '' WHERE id = $1`,
	"no mark":                      `UPDATE customer SET mark = NULL WHERE id = $1`,
	"no meter, and another number": `UPDATE customer SET phone = '+254711000001', phone_since = phone_since - 1 WHERE id = $1`,
}

// sharedNumbers hides one of two customers who have the same number. The number still decides for neither, and is forged for whoever asks.
func sharedNumbers(t *testing.T, r Rig) {
	for name, edit := range editsOfSharers {
		k := openNumbered(t, r)
		sharer := addWalletMeter(t, k.e, 3, 0)
		other := k.registerNumber(sharer, itsNumber)
		if called := k.callNumber("0700000001"); len(called) != 2 || called[0].Forged || called[1].Forged {
			t.Errorf("two customers have the number, and it means %+v", called)
		}
		k.editRow(edit, other)
		if strings.HasPrefix(name, "no meter") {
			k.editRow(`UPDATE meter SET account_id = NULL WHERE account_id = $1`, sharer.account)
		}
		if k.numberDecides() {
			t.Errorf("the other customer has %s: the number decides", name)
		}
		if called := k.callNumber("0700000001"); len(called) == 0 || slices.ContainsFunc(called, func(f payment.Found) bool { return !f.Forged }) {
			t.Errorf("the other customer has %s: the number means %+v, want each forged", name, called)
		}
	}
}

// crowdedNumbers registers a hundred customers whose numbers end like that of the customer, and one with a hundred meters. The number decides all the
// same. A hundred customers with the very number are too many to look at: it decides nothing, and nobody is said to have changed it.
func crowdedNumbers(t *testing.T, r Rig) {
	k := openNumbered(t, r)
	register := func(phone func(n int) string) {
		t.Helper()
		k.runServer(func(tx *store.Tx) error {
			for n := range 100 {
				i, err := tx.NewID()
				if err = firstOf(err, tx.AddCustomerRow(registry.Customer{ID: i, Phone: phone(n), CreatedAt: base()})); err != nil {
					return err
				}
			}
			return nil
		})
	}
	decoy := addWalletMeter(t, k.e, 3, 0)
	k.registerNumber(decoy, "+199900000001")
	k.runServer(func(tx *store.Tx) error {
		for n := range int64(100) {
			i, err := tx.NewID()
			m := registry.Meter{ID: i, N: 100 + n, Number: fmt.Sprintf("0304%07d", n), Account: decoy.account, Mode: registry.PrepayWallet,
				Status: registry.Active, Phases: 1, ImpPerKWh: 1000, TT: "02", ReadingInterval: 30 * time.Minute, CreatedAt: base()}
			if err = firstOf(err, tx.AddMeterRow(m, nil, []byte("sealed link key"))); err != nil {
				return err
			}
		}
		return nil
	})
	register(func(n int) string { return fmt.Sprintf("+%d00000001", 300+n) })
	k.wantNumber("a hundred other numbers end alike", true, 0, 0)
	if called := k.callNumber("0700000001"); len(called) != 1 || called[0].Many {
		t.Errorf("a hundred other numbers end alike: it means %+v", called)
	}
	register(func(int) string { return itsNumber })
	k.wantNumber("a hundred other customers have it", false, 0, 0)
	called := k.callNumber("0700000001")
	if _, why := payment.Match(nil, nil, called, base().AddDate(100, 0, 0)); why != payment.ManyReferences || called[0].Forged {
		t.Errorf("a hundred other customers have it: %q for %+v", why, called)
	}
}

// comparedNumbers checks that the database compares the ways to write numbers as the program does.
func comparedNumbers(t *testing.T, r Rig) {
	k := openNumbered(t, r)
	forms := []string{itsNumber, "254700000001", "00254700000001", "0700000001", "700000001", "00000001", "70000001", "+255700000001", "+25470000001",
		"+2547000000010"}
	for _, stored := range forms {
		k.putNumber(stored)
		for _, typed := range forms {
			if found := len(k.callNumber(typed)) > 0; found != registry.SamePhone(typed, stored) {
				t.Errorf("%s is stored and %s is typed: found %t", stored, typed, found)
			}
		}
	}
}

// callNumber lists the meters that a number means for a payment.
func (k numbered) callNumber(typed string) (called []payment.Found) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) (err error) {
		called, err = tx.CalledMeters(payment.ReadReference(typed), 5)
		return err
	})
	return called
}

// markedNumbers marks the numbers of an older version: once, and only with the data key of the database.
func markedNumbers(t *testing.T, r Rig) {
	k := openNumbered(t, r)
	mark := func(m core.Marker) (marked int) {
		t.Helper()
		k.m = m
		k.runServer(func(tx *store.Tx) (err error) { marked, _, err = tx.MarkNumbers(); return err })
		return marked
	}
	data := k.m
	k.runServer(func(tx *store.Tx) error { _, err := tx.Known("data", data.KeyMark()); return err })
	must(t, k.e, func(tx *store.Tx) error { _, err := tx.C.Exec(`UPDATE customer SET mark = NULL`); return err })
	k.wantNumber("an older version registered it", false, 0, 2)
	if n := mark(markerOf("the key of another database")); n != 0 {
		t.Errorf("with the data key of another database %d numbers were marked", n)
	}
	if n := mark(data); n != 2 {
		t.Errorf("%d numbers were marked, want 2", n)
	}
	k.wantNumber("the first start marked it", true, 0, 0)
	if got := lastAction(t, k.e); got != "number.mark " {
		t.Errorf("the audit log ends with %q", got)
	}
	k.editRow(`UPDATE customer SET mark = NULL WHERE id = $1`, k.customer)
	if n := mark(data); n != 0 {
		t.Errorf("the second start marked %d numbers", n)
	}
	k.wantNumber("somebody took its mark away after the first start", false, 0, 1)
}

// remarkedNumbers carries the marks of numbers over a change of the data key, except wrong ones.
func remarkedNumbers(t *testing.T, r Rig) {
	k := openNumbered(t, r)
	old, next := k.m, markerOf("next data key")
	remark := func() {
		k.runServer(func(tx *store.Tx) error { _, err := tx.RemarkNumbers(next); return err })
		k.m = next
	}
	k.editRow(`UPDATE customer SET phone_since = phone_since - 1 WHERE id = $1`, k.customer)
	remark()
	k.wantNumber("a changed number under the next data key", false, 1, 0)
	k.m = old
	k.editRow(`UPDATE customer SET phone_since = phone_since + 1 WHERE id = $1`, k.customer)
	remark()
	k.wantNumber("under the next data key", true, 0, 0)
}

// hiddenKey changes the row that says to which data key the database belongs. Verification still checks the marks, and names that row too. Only with a
// key that made no mark it checks none.
func hiddenKey(t *testing.T, r Rig) {
	k := openNumbered(t, r)
	k.runServer(func(tx *store.Tx) error { _, err := tx.Known("data", k.m.KeyMark()); return err })
	k.editRow(`UPDATE customer SET phone_since = phone_since - 1 WHERE id = $1`, k.customer)
	k.wantVerified("a number was changed", 1, 0, k.m)
	k.editRow(`UPDATE meta SET value = '0000000000000000' WHERE key = 'key:data'`)
	k.wantVerified("and the row of the data key", 2, 0, k.m)
	k.wantVerified("with the data key of another database", 0, 1, markerOf("another data key"))
}

// wantVerified verifies the database with data keys, and compares the number of findings and notices about marks.
func (k numbered) wantVerified(name string, findings, notices int, keys ...core.Marker) {
	k.t.Helper()
	var report store.Report
	k.runServer(func(tx *store.Tx) error { return store.Verify(tx, store.Trust{Markers: keys}, &report) })
	ofMarks := func(list []store.Finding) (n int) {
		for _, f := range list {
			if f.Rule == "mark" {
				n++
			}
		}
		return n
	}
	if f, n := ofMarks(report.Findings), ofMarks(report.Notices); f != findings || n != notices {
		k.t.Errorf("%s: %d findings and %d notices, want %d and %d: %v", name, f, n, findings, notices, report)
	}
}

// missingMarks takes every mark away, and the row that says to which data key the database belongs. No key seems to belong to it then. Once the audit
// log says that the server has marked the rows, verification names their tables, with any key and without one.
func missingMarks(t *testing.T, r Rig) {
	k := openNumbered(t, r)
	unmark := func() {
		must(t, k.e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE customer SET mark = NULL`)
			return err
		})
		k.editRow(`UPDATE meta SET value = '0000000000000000' WHERE key = 'key:data'`)
	}
	k.runServer(func(tx *store.Tx) error { _, err := tx.Known("data", k.m.KeyMark()); return err })
	unmark()
	k.wantVerified("an older version wrote it", 0, 1, k.m)
	k.wantVerified("an older version wrote it, and there is no data key", 0, 0)
	k.runServer(func(tx *store.Tx) error { return tx.PutKeyMark("data", k.m.KeyMark()) })
	k.runServer(func(tx *store.Tx) error { _, _, err := tx.MarkNumbers(); return err })
	k.wantVerified("the first start has marked it", 0, 0, k.m)
	k.wantVerified("a copy is read with another data key", 0, 1, markerOf("another data key"))
	k.wantVerified("a copy is read without a data key", 0, 0)
	unmark()
	k.wantVerified("all marks are gone", 1, 1, k.m)
	k.wantVerified("all marks are gone, and a copy is read with another data key", 1, 1, markerOf("another data key"))
	k.wantVerified("all marks are gone, and a copy is read without a data key", 1, 0)
}

// meetingNumbers changes the name of a customer while another transaction ends the hold of the customer's number: the mark covers both.
func meetingNumbers(t *testing.T, r Rig) {
	if r.Several != nil {
		r.Open = r.Several
	}
	k := openNumbered(t, r)
	letThrough(k.e)
	r.meets(t, k.e, func(tx *store.Tx, meet func()) error {
		tx.Marker = k.m
		c, _, err := tx.CustomerByID(k.customer)
		c.Name = "Amina B."
		if err = firstOf(err, tx.CustomerPut(c)); err == nil {
			meet()
		}
		return err
	}, func(tx *store.Tx) error {
		tx.Marker = k.m
		return tx.PutNumberChange(registry.NumberChange{Owner: registry.PhoneOwner(k.customer), By: "second", At: base(), HeldUntil: base()})
	})
	k.wantNumber("two transactions met", true, 0, 0)
}

// wantMeters verifies the database, and compares the number of findings about rows of meters.
func (k numbered) wantMeters(when string, want int) {
	k.t.Helper()
	var report store.Report
	k.runServer(func(tx *store.Tx) error { return store.Verify(tx, store.Trust{}, &report) })
	found := 0
	for _, f := range report.Findings {
		if f.Rule == "row" && strings.HasPrefix(f.What, "Meter ") {
			found++
		}
	}
	if found != want {
		k.t.Errorf("%s: verification has %d findings about meters, want %d: %v", when, found, want, report.Findings)
	}
}

// editsOfSIMs are the ways in which somebody who can write to the database lets tokens go to the new number of a SIM at once.
var editsOfSIMs = map[string]string{
	"its hold ended":              `UPDATE number_change SET held_until = held_until - 1 WHERE owner = 'meter 1'`,
	"changed at another time":     `UPDATE number_change SET changed_at = changed_at - 1 WHERE owner = 'meter 1'`,
	"changed by somebody else":    `UPDATE number_change SET by_actor = 'other' WHERE owner = 'meter 1'`,
	"changed by nobody known":     `UPDATE number_change SET self = NULL WHERE owner = 'meter 1'`,
	"its hold is another meter's": `UPDATE number_change SET owner = 'meter 9' WHERE owner = 'meter 1'`,
	"its hold taken away":         `DELETE FROM number_change WHERE owner = 'meter 1'`,
}

// changedSIMHolds changes in the database how long the number of a SIM is held. Verification names the meter, also when the server has written the
// hold again.
func changedSIMHolds(t *testing.T, r Rig) {
	for name, edit := range editsOfSIMs {
		k := openNumbered(t, r)
		hold := func() {
			t.Helper()
			k.runServer(func(tx *store.Tx) error {
				return tx.PutNumberChange(registry.NumberChange{Owner: registry.SIMOwner(1), By: "clerk", Self: k.customer, At: base(),
					HeldUntil: base().Add(time.Hour)})
			})
		}
		k.wantMeters(name+", before any change", 0)
		hold()
		k.wantMeters(name+", as the server wrote it", 0)
		k.editRow(edit)
		k.wantMeters(name+", edited", 1)
		hold()
		k.wantMeters(name+", written again", 1)
	}
}

// confirmedMeanwhile changes a number while another transaction is about to confirm the change before it. That transaction waits and judges the new
// change: it would otherwise confirm what its own person has just changed. This holds for the number of a customer and for that of a SIM. The first
// number of a SIM is locked too: two changes at once would otherwise both take theirs for the first.
func confirmedMeanwhile(t *testing.T, r Rig) {
	if r.Several != nil {
		r.Open = r.Several
	}
	k := openNumbered(t, r)
	letThrough(k.e)
	for _, owner := range []string{registry.PhoneOwner(k.customer), registry.SIMOwner(1)} {
		change := func(tx *store.Tx, by string) error {
			tx.Marker = k.m
			return tx.PutNumberChange(registry.NumberChange{Owner: owner, By: by, At: base(), HeldUntil: base().Add(time.Hour)})
		}
		must(t, k.e, func(tx *store.Tx) error { return change(tx, "first") })
		var read registry.NumberChange
		r.meets(t, k.e, func(tx *store.Tx, meet func()) error {
			err := change(tx, "second")
			if err == nil {
				meet()
			}
			return err
		}, func(tx *store.Tx) (err error) {
			read, _, err = tx.LockNumberChange(owner)
			return err
		})
		if read.By != "second" {
			t.Errorf("the confirmation for %s judged the change by %q, want the one that was under way", owner, read.By)
		}
	}
	m := addWalletMeter(t, k.e, 3, 0)
	read := ""
	r.meets(t, k.e, func(tx *store.Tx, meet func()) error {
		err := tx.SetSIM(m.ID, itsNumber)
		if err == nil {
			meet()
		}
		return err
	}, func(tx *store.Tx) error {
		_, _, err := tx.LockNumberChange(registry.SIMOwner(3))
		if err == nil {
			read, err = tx.SIMOf(3)
		}
		return err
	})
	if read != itsNumber {
		t.Errorf("while the first number of a SIM was set, another change judged it as %q", read)
	}
}
