package shoptest_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

var took = regexp.MustCompile(` took=[^ ]*`)

// logbook reads the rows added to the audit log since the last call. It shows identities by the names that a test gave them, others by
// their kind. It leaves out the rows that the store writes itself.
type logbook struct {
	*shop
	seen  map[id.ID]bool
	names []string // pairs of names for strings.NewReplacer
}

var anyID = regexp.MustCompile(`\b(app|acc|mtr|cmd|jrn|job|tok|vnd|dbt)_[0-9a-z]{26}\b`)

func (l *logbook) name(identity, as string) { l.names = append(l.names, identity, as) }

// fresh returns the new rows of the log, unordered, because rows of one moment have no order on PostgreSQL. Each row has the time, the
// actor, the action, the object, its state before and after, and the reason. It ends in "alone" if one person did what usually takes two.
func (l *logbook) fresh() []string {
	l.t.Helper()
	var got []string
	err := l.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT actor, ip, action, object, before, after, reason, single_person, at, id FROM audit
			WHERE action NOT IN ('evidence', 'command.send')`, func(r core.Row) error {
			if l.seen[r.ID(9)] {
				return nil
			}
			l.seen[r.ID(9)] = true
			after := r.Text(5)
			if r.Text(2) == proof.Action && after != "" {
				after = "evidence" // the row holds hashes, which the verification computes again
			}
			line := fmt.Sprintf("%s %s@%s %s %s: %s => %s (%s)", time.UnixMicro(r.Int(8)).UTC().Format("15:04"), r.Text(0), r.Text(1), r.Text(2), r.Text(3),
				r.Text(4), after, r.Text(6))
			if r.Int(7) == 1 {
				line += " alone"
			}
			line = took.ReplaceAllString(line, "") // what it counts under ceilings has a test of its own
			got = append(got, anyID.ReplaceAllString(strings.NewReplacer(l.names...).Replace(line), "$1"))
			return nil
		})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return got
}

// says checks that exactly these rows are new in the log.
func (l *logbook) says(what string, want ...string) {
	l.t.Helper()
	got := l.fresh()
	slices.Sort(got)
	slices.Sort(want)
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		l.t.Errorf("%s: the audit log says\n%s\nwant\n%s", what, g, w)
	}
}

func done[V any](t *testing.T) func(once.Done[V], error) V {
	return func(d once.Done[V], err error) V {
		t.Helper()
		if err != nil || d.Refused() {
			t.Fatalf("%v %s", err, d.Detail())
		}
		return d.Value
	}
}

// amina works for the utility, from a known address.
func amina() access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.Person, Name: "amina@example.org", Role: access.Owner, IP: "192.0.2.7"}
}

func TestTheAuditLogSaysWhatBecameOfASale(t *testing.T) {
	l := &logbook{shop: open(t, false), seen: map[id.ID]bool{}}
	m := l.meter(1, place{tariff: l.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
	sell := func(as string, minor money.Minor) sale.Sale {
		t.Helper()
		o := order(m, minor, "key-"+as)
		sold, err := l.Sell(context.Background(), amina(), o)
		if err != nil || sold.Refused() {
			t.Fatalf("%v %s", err, sold.Detail())
		}
		l.name(sold.Sale.ID.Text(id.Vend), as)
		return sold.Sale
	}
	first := sell("first", 500)
	l.says("a sale", "08:00 person amina@example.org@192.0.2.7 vend.sell first:  => evidence ()")
	l.reversed(amina(), first, "wrong meter")
	l.says("a reversal without the meter",
		"08:00 person amina@example.org@192.0.2.7 vend.reverse first:  => meter="+m+" tender=500 KES units_wh=500000 online=false (wrong meter) alone")

	l.online.Store(m, true)
	second := sell("second", 2000)
	l.reversed(amina(), second, "mistyped")
	l.exec(`UPDATE command SET state = 'done'`)
	l.settled()
	l.says("a reversal by the meter", "08:00 person amina@example.org@192.0.2.7 vend.sell second:  => evidence ()",
		"08:00 person amina@example.org@192.0.2.7 vend.reverse second:  => meter="+m+" tender=2000 KES units_wh=2000000 online=true (mistyped) alone",
		"08:00 system recovery@ vend.reverse.settle second:  => done=2 used=0 never=0 ()")

	third := sell("third", 500)
	l.reversed(amina(), third, "mistyped")
	l.expired(third)
	l.late("done", "")
	l.says("a late answer", "08:01 person amina@example.org@192.0.2.7 vend.sell third:  => evidence ()",
		"08:01 person amina@example.org@192.0.2.7 vend.reverse third:  => meter="+m+" tender=500 KES units_wh=500000 online=true (mistyped) alone",
		"08:11 system recovery@ vend.reverse.settle third:  => done=0 used=0 never=1 ()",
		"08:12 apikey till3@ token.show third:  =>  ()",
		"08:12 system recovery@ vend.reverse.late third:  => answers=1 of=1 ()")

	l.online.Delete(m)
	fourth := sell("fourth", 700)
	l.name(fourth.Tokens[0].ID.Text(id.Token), "its-token")
	l.reversed(amina(), fourth, "mistyped")
	l.report(m, fourth.Tokens[0].ID, "accept")
	l.settled()
	l.says("a token that is used after all", "08:13 person amina@example.org@192.0.2.7 vend.sell fourth:  => evidence ()",
		"08:13 person amina@example.org@192.0.2.7 vend.reverse fourth:  => meter="+m+" tender=700 KES units_wh=700000 online=false (mistyped) alone",
		"08:13 system recovery@ vend.reclaim fourth:  => token=its-token units_wh=700000 debt=dbt amount=700 ()")

	l.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.KeystoreLocked, What: "The keys are locked."}}, nil
	}
	if sold, err := l.Sell(context.Background(), amina(), order(m, 500, "key-fifth")); err != nil || sold.Code != refusal.KeystoreLocked {
		t.Fatalf("%v %q", err, sold.Code)
	}
	l.says("a sale that its issuer refused", "08:14 person amina@example.org@192.0.2.7 vend.fail vnd:  => keystore-locked ()")
}

func TestTheAuditLogSaysWhoMovedMoneyByHand(t *testing.T) {
	l := &logbook{shop: open(t, true), seen: map[id.ID]bool{}}
	ctx := context.Background()
	m := l.meter(1, place{tariff: l.publish("domestic", flat(), monday().AddDate(0, -1, 0))})
	account := l.account(m)
	l.name(account.Text(id.Account), "hers")
	l.fresh()
	const who = "08:00 person amina@example.org@192.0.2.7 "

	v, err := l.Vendors.Add(ctx, amina(), vendor.NewVendor{Name: "Corner shop", Commission: 150, Credit: 5000})
	if err != nil || v.Refused() {
		t.Fatalf("%v %s", err, v.Detail())
	}
	l.name(v.Vendor.ID.Text(id.Vendor), "shop")
	l.says("a vendor", who+`vendor.add shop:  => code=V001 name="Corner shop" billing=float commission_bps=150 credit_minor=5000 blocked=false () alone`)
	name, whole := "Kiosk", money.Bps(10)
	if set, err := l.SetTerms(ctx, amina(), "V001", vendor.Terms{Name: &name, Commission: &whole}); err != nil || set.Refused() {
		t.Fatalf("%v %s", err, set.Detail())
	}
	l.says("its terms", who+`vendor.terms shop: code=V001 name="Corner shop" billing=float commission_bps=150 credit_minor=5000 blocked=false`+
		` => code=V001 name="Kiosk" billing=float commission_bps=10 credit_minor=5000 blocked=false () alone`)
	done[vendor.Deposited](t)(l.Deposit(ctx, amina(), vendor.Paid{Vendor: "V001", Amount: kes(7000), Reference: "BANK-1"}))
	l.says("a deposit", who+`vendor.deposit shop:  => amount="70.00 KES" reference="main:BANK-1" journal=jrn () alone`)

	loan := done[debt.Booking](t)(l.Debts.Add(ctx, amina(), debt.NewDebt{Account: m, Kind: "loan", Memo: "fridge", Amount: kes(5000), Mode: tariff.Percent, Value: 2500}))
	l.name(loan.Debt.Name(), "loan")
	l.says("a debt", who+`debt.raise loan:  => account=hers kind="loan" amount_minor=5000 mode=percent value=2500 against=opening ()`)
	done[debt.Booking](t)(l.WriteOff(ctx, amina(), debt.WriteOff{Debt: loan.Debt.Name(), Amount: ptr(money.Minor(1200)), Reason: "moved away"}))
	l.says("a write-off", who+`debt.write-off loan: outstanding_minor=5000 => outstanding_minor=3800 (moved away) alone`)
	done[debt.Adjusted](t)(l.Adjust(ctx, amina(), debt.Adjustment{Account: m, Amount: kes(300), Reason: "outage"}))
	l.says("goodwill", who+`adjustment hers:  => journal=jrn goodwill="3.00 KES" (outage) alone`)
	done[debt.Charged](t)(l.AddCharge(ctx, amina(), debt.NewCharge{Account: m, Name: "visit", Month: "2026-11", Amount: kes(1150), VATBps: 1500}))
	l.says("a charge", who+`charge.add hers:  => charge="visit 2026-11" amount_minor=1150 vat_bps=1500 priority=20 ()`)

	given, err := l.GiveTokens(ctx, amina(), ask(vending.Ask{Meter: m, Kind: sale.Replacement, Units: 25_000, Reason: "meter burnt"}, "job-key-1"))
	if err != nil || given.Refused() {
		t.Fatalf("%v %s", err, given.Detail())
	}
	l.says("free units", who+`token.replacement mtr:  => job=job replacement of 25.0 kWh to meter `+m+` (meter_swap meter burnt) alone`)
	sold := l.sell(order(m, 20000, "key-number-1")).Sale
	l.name(sold.ID.Text(id.Vend), "sale")
	if shown, err := l.Sale(ctx, amina(), sold.ID.Text(id.Vend)); err != nil || shown.Refused() {
		t.Fatalf("%v %s", err, shown.Detail())
	}
	if copied, err := l.Reprint(ctx, amina(), sold.ID.Text(id.Vend)); err != nil || copied.Refused() {
		t.Fatalf("%v %s", err, copied.Detail())
	}
	l.says("a look and a copy", "08:00 apikey till3@ vend.sell sale:  => evidence ()", who+"token.show sale:  =>  ()",
		who+"vend.reprint sale:  => copy=1 receipt=main-000001 ()", who+"token.show sale:  =>  ()")
}

func TestTheAuditLogSaysWhoMovedOutAndWhatWasPaidBack(t *testing.T) {
	l := &logbook{shop: open(t, true), seen: map[id.ID]bool{}}
	ctx := context.Background()
	m := l.walletMeter(1, l.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	account := l.sell(order(m, 5000, "recharge-1")).Sale.Account
	l.name(account.Text(id.Account), "hers")
	l.debt(account, debt.Debt{Mode: tariff.Full, Outstanding: 700})
	l.do(func(tx *store.Tx) error {
		return postOne(tx, ledger.DepositIn, ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill},
			ledger.AccountRef{Code: ledger.Deposit, Subject: account.Text(id.Account)}, 2000)
	})
	l.fresh()
	done[debt.MovedOut](t)(l.MoveOut(ctx, amina(), leaves(m, "move-out-1")))
	out := done[debt.Refunded](t)(l.Refund(ctx, amina(), debt.Refund{Account: account.Text(id.Account), Amount: ptr(kes(2300)), Reason: "transfer 4711"}))
	if out.Left != 4000 {
		t.Errorf("%d are left to pay back, want 4000", out.Left)
	}
	const who = "08:00 person amina@example.org@192.0.2.7 "
	l.says("a move", who+"account.move-out hers: status=active => status=closed wallet=5000 deposit=2000 carry=0 final_bill=0 debts_paid=700"+
		" refund_due=6300 still_owed=0 meters="+m+" (lease ended)",
		who+`account.refund hers:  => journal=jrn amount="23.00 KES" to=1010:main left_minor=4000 (transfer 4711) alone`)
	if rest := done[debt.Refunded](t)(l.Refund(ctx, amina(), debt.Refund{Account: account.Text(id.Account), Reason: "the rest"})); rest.Left != 0 || rest.Amount != kes(4000) {
		t.Errorf("the rest is %s and leaves %d, want 40.00 KES and nothing", rest.Amount, rest.Left)
	}
}
