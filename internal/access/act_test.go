package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// table repeats the table of actions: for each action its right, and how many people it needs when the four-eyes rule applies. A change
// must be made in both tables, so that nobody changes a rule by mistake.
const table = `
tariff.publish       tariff.write    two
vendor.deposit       vendor.deposit  two
vendor.terms         vendor.manage   two
vendor.block         vendor.manage   one
vend.reverse         vend.reverse    two
token.free           token.free      two
token.issue          token.issue     two
ledger.adjust        ledger.adjust   two
account.refund       ledger.adjust   two
account.supply       meter.write     two
meter.max_power      meter.write     two
meter.unread_cut     meter.write     two
meter.feeder         meter.write     two
meter.config         meter.write     two
reading.decide       reading.decide  two
provider.enable      settings.write  two
webhook.enable       settings.write  two
payment.apply        payment.decide  two
voucher.make         payment.decide  two
voucher.print        payment.decide  one
voucher.sell         vend.sell       one
voucher.end          payment.decide  two
voucher.reissue      payment.decide  two
payment.refund       payment.decide  two
payment.reject       payment.decide  one
payment.dismiss      payment.decide  two
statement.take       payment.decide  two
statement.compare    payment.decide  one
difference.close     payment.decide  two
settings.change      settings.write  two
clock.trust          settings.write  two
meter.clear_credit   token.issue     two
meter.clear_tamper   token.issue     two
meter.cancel_token   command.send    two
meter.force_connect  command.send    two
meter.command        command.send    one
meter.add            meter.write     one
meter.postpaid       meter.write     two
meter.impulses       meter.write     two
meter.swap           token.issue     two
meter.tariff         meter.write     two
account.move_in      customer.write  two
provider.secret      settings.write  two
account.move_out_owing customer.write two
debt.take_over       debt.write      two
meter.device         meter.write     two
meter.link_key       meter.write     two
meter.password       meter.write     two
meter.password_end   meter.write     one
meter.remove         meter.write     two
meter.scrap          meter.write     one
debt.raise           debt.write      ceiling
supply.emergency     command.send    ceiling
vend.sell            vend.sell       one
shift.open           till.use        one
shift.pay_out        till.use        one
shift.close          till.use        one
shift.close_any      vend.reverse    ceiling
charge.add           debt.write      one
import.debts         debt.write      ceiling
import.balances      ledger.adjust   two
import.undo          ledger.adjust   two
import.debt          debt.write      one
import.credit        ledger.adjust   one
link.make            message.send    one
link.show            customer.write  one
link.revoke          message.send    one
`

func TestEveryActAsksTheTable(t *testing.T) {
	w := newWorld(t)
	w.run(t, func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		on := true
		s.FourEyes = &on
		return tx.PutTenantSettings(s)
	})
	by := boss()
	var two []access.Act
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		f := strings.Fields(line)
		act := access.Act(f[0])
		if act.Right() != access.Right(f[1]) {
			t.Errorf("%s takes %s, want %s", act, act.Right(), f[1])
		}
		if f[2] != "one" {
			two = append(two, act)
		}
		w.run(t, func(tx *store.Tx) error {
			eyes, err := access.SecondPerson(tx, by, access.ActRequest{Act: act, Body: struct{}{}}, w.now)
			if err != nil || eyes.Refused() || (eyes.Waits != nil) != (f[2] == "two") || eyes.Alone {
				t.Errorf("%s: %+v, %v, want %s", act, eyes, err, f[2])
			}
			if eyes.Waits != nil && eyes.Waits.Right != act.Right() {
				t.Errorf("%s may be allowed with %s", act, eyes.Waits.Right)
			}
			return nil
		})
	}
	w.run(t, func(tx *store.Tx) error {
		east := time.FixedZone("east", 3*60*60)
		eyes, err := access.SecondPerson(tx, by, access.ActRequest{Act: access.ActTariff, Body: struct{}{}}, w.now.In(east).Add(1999*time.Nanosecond))
		if want := w.now.Add(time.Microsecond); err != nil || eyes.Waits == nil || eyes.Waits.CreatedAt != want {
			t.Errorf("asked 1,999 ns after %s: %+v, %v, want %s", w.now, eyes.Waits, err, want)
		}
		return nil
	})
	all := access.Acts()
	slices.Sort(all)
	slices.Sort(two)
	if !slices.Equal(all, two) {
		t.Errorf("acts of two people: %v, want %v", all, two)
	}
	w.run(t, func(tx *store.Tx) error {
		if eyes, err := access.SecondPerson(tx, by, access.ActRequest{Act: "meter.explode", Body: struct{}{}}, w.now); err == nil {
			t.Errorf("an act that is not in the table: %+v, want an error", eyes)
		}
		return nil
	})
}
