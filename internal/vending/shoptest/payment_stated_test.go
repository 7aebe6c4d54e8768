package shoptest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/upload"
)

// statedRow is a payment in a statement.
type statedRow struct {
	txn, reference string
	amount         int64 // cents
}

// mpesaStatement writes M-Pesa's export of a day, oldest row first.
func mpesaStatement(day time.Time, rows ...statedRow) []byte {
	var b strings.Builder
	b.WriteString("Organization Statement\nShort Code:,600000\n\n" +
		"Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n")
	balance := int64(0)
	for i, r := range rows {
		balance += r.amount
		at := day.In(time.FixedZone("EAT", 3*60*60)).Add(time.Duration(i) * time.Second).Format("02-01-2006 15:04:05")
		fmt.Fprintf(&b, "%s,%s,,Pay Bill,Completed,%d.%02d,,%d.%02d,TRUE,Pay Bill Online,2547,,%s\n", r.txn, at, r.amount/100, r.amount%100, balance/100, balance%100, r.reference)
	}
	return []byte(b.String())
}

func (s *payShop) statements() *reconcile.Statements { return s.statementsThrough(s.statementDoor()) }

func (s *payShop) statementDoor() access.Door[reconcile.Tx] {
	return store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) reconcile.Tx { return tx })
}

func (s *payShop) statementsThrough(door access.Door[reconcile.Tx]) *reconcile.Statements {
	return reconcile.New(reconcile.Config{Payments: s.Payments, Sealer: s.sealer, Uploads: upload.NewGate(), Now: s.clock.Now, Door: door})
}

// upload uploads a statement and carries out what follows.
func (s *payShop) upload(st *reconcile.Statements, file []byte) reconcile.File {
	s.t.Helper()
	up, err := st.Upload(s.t.Context(), owner(), "bank", file, "")
	if err != nil || up.Refused() || up.Waits != nil || up.File.State != reconcile.FileRead {
		s.t.Fatalf("upload: %v %s %+v", err, up.Detail(), up.File)
	}
	s.work()
	return up.File
}

// states lists the state and the reason of each payment by its provider's name for it.
func (s *payShop) states() map[string]string {
	s.t.Helper()
	l, err := s.Payments.List(s.t.Context(), owner(), payment.Filter{}, registry.Page{})
	if err != nil || l.Refused() {
		s.t.Fatal(err, l.Detail())
	}
	out := map[string]string{}
	for _, v := range l.Payments {
		if _, twice := out[v.Payment.Txn]; twice {
			s.t.Errorf("payment %s is there twice", v.Payment.Txn)
		}
		out[v.Payment.Txn] = string(v.Payment.State) + " " + string(v.Payment.Reason) + " " + string(v.Payment.Proof)
	}
	return out
}

func (s *payShop) want(want map[string]string, sales int64) {
	s.t.Helper()
	if got := s.states(); fmt.Sprint(got) != fmt.Sprint(want) || s.sales() != sales {
		s.t.Fatalf("payments %v and %d sales, want %v and %d", got, s.sales(), want, sales)
	}
	s.verified()
}

// A statement brings what calls lost, and nothing twice: neither with the same file, nor with files that overlap, nor with a call.
func TestAStatementBringsEachPaymentOnce(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	today := s.clock.Now()
	s.paid("QK1", 50_000, meter)
	s.work()
	first := mpesaStatement(today, statedRow{"QK1", meter, 50_000}, statedRow{"QK2", meter, 20_000}, statedRow{"QK3", "nobody", 30_000}, statedRow{"QK4", meter, 2_000_000})
	f := s.upload(st, first)
	want := map[string]string{"QK1": "applied  signed", "QK2": "applied  statement-alone", "QK3": "parked unknown-reference statement-alone", "QK4": "parked above-ceiling "}
	s.want(want, 2)
	if again := s.upload(st, first); again.ID != f.ID || again.New != f.New || f.New != 4 {
		t.Errorf("the same file again: %+v, first %+v", again, f)
	}
	overlap := mpesaStatement(today, statedRow{"QK1", meter, 50_000}, statedRow{"QK2", meter, 20_000}, statedRow{"QK3", "nobody", 30_000}, statedRow{"QK4", meter, 2_000_000}, statedRow{"QK5", meter, 10_000})
	if more := s.upload(st, overlap); more.New != 1 {
		t.Errorf("%d new rows in a file that overlaps, want 1", more.New)
	}
	s.paid("QK5", 10_000, meter) // the call comes last
	s.paid("QK2", 20_000, meter)
	s.work()
	want["QK5"] = "applied  statement-alone"
	s.want(want, 3)
}

// A day closes by itself if statement, payments and books agree. What does not agree is a difference until somebody settles it, and a closed day
// stays as it was.
func TestADayIsReconciled(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	clean, date := s.clock.Now(), s.clock.Now().Format(time.DateOnly)
	s.paid("QK1", 50_000, meter)
	s.work()
	s.clock.add(24 * time.Hour)
	odd, oddDate := s.clock.Now(), s.clock.Now().Format(time.DateOnly)
	s.paid("QK2", 20_000, meter)
	s.paid("QK9", 10_000, meter) // the provider's statement does not know it
	s.work()
	s.clock.add(48 * time.Hour)
	run := func(date string) reconcile.Ran {
		t.Helper()
		r, err := st.Run(t.Context(), owner(), "bank", date)
		if err != nil || r.Refused() {
			t.Fatal(err, r.Detail())
		}
		return r
	}
	if r := run(date); r.State != reconcile.Waiting || r.Unsettled != 0 {
		t.Errorf("without a statement: %+v", r)
	}
	// One row before, one row after, so that the file covers both days in the utility's zone.
	s.upload(st, []byte(string(mpesaStatement(clean.Add(-24*time.Hour), statedRow{"QK0", meter, 100}))+
		afterHeader(mpesaStatement(clean, statedRow{"QK1", meter, 50_000}), 100)+
		afterHeader(mpesaStatement(odd, statedRow{"QK2", meter, 20_000}), 50_100)+
		afterHeader(mpesaStatement(odd.Add(24*time.Hour), statedRow{"QK7", meter, 100}), 70_100)))
	if r := run(date); r.State != reconcile.Closed || r.Rows != 1 || r.Payments != 1 || r.Stated != 50_000 || r.Paid != 50_000 || r.Booked != 50_000 {
		t.Errorf("the clean day: %+v", r)
	}
	if r := run(oddDate); r.State != reconcile.Open || r.Unsettled != 1 {
		t.Errorf("the odd day: %+v", r)
	}
	l, err := st.Items(t.Context(), owner(), reconcile.Filter{Provider: "bank", Open: true}, registry.Page{})
	if err != nil || len(l.Items) != 1 || l.Items[0].Kind != reconcile.NotStated || l.Items[0].Txn != "QK9" || l.Items[0].Date != oddDate {
		t.Fatalf("differences %+v (%v)", l.Items, err)
	}
	if c, err := st.Close(t.Context(), owner(), l.Items[0].Name(), reconcile.Settlement{Why: "asked the provider"}); err != nil || c.Refused() {
		t.Fatal(err, c.Detail())
	}
	if r := run(oddDate); r.State != reconcile.Closed {
		t.Errorf("after somebody settled the difference: %+v", r)
	}
	closed := run(date)
	s.paid("QK1b", 1_000, meter) // too late for the day
	s.work()
	if r := run(date); r.State != reconcile.Closed || r.Payments != closed.Payments || r.ClosedAt != closed.ClosedAt {
		t.Errorf("a closed day changed from %+v to %+v", closed, r)
	}
	s.verified()
}

// afterHeader returns the rows of a statement, whose balance goes on from a balance in cents.
func afterHeader(file []byte, balance int64) string {
	_, rows, _ := strings.Cut(string(file), "A/C No.\n")
	f := strings.Split(rows, ",")
	var cents int64
	if _, err := fmt.Sscanf(strings.Replace(f[7], ".", "", 1), "%d", &cents); err != nil {
		panic(err)
	}
	cents += balance
	f[7] = fmt.Sprintf("%d.%02d", cents/100, cents%100)
	return strings.Join(f, ",")
}
