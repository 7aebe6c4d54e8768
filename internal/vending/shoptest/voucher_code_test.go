package shoptest_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// people of the utility in these tests. The printer takes the PINs.
func printer() access.Actor { return utilityPerson("printer", 41) }
func seller() access.Actor  { return utilityPerson("seller", 42) }
func fourth() access.Actor  { return utilityPerson("fourth", 44) }

// third asks for things. Nobody signed in: the store would look for the person's role before it carries out what third asked for.
func third() access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.Person, Name: "third", Answers: id.ID{15: 43}, Role: access.Owner}
}

func utilityPerson(name string, n byte) access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.Person, Name: name, ID: id.ID{15: n}, Role: access.Owner}
}

// codeShop is a shop with a batch whose vouchers require codes.
type codeShop struct {
	*voucherShop
	codes map[string]string // by serial number
	meter string
}

// openCodes opens a shop whose printer took the PINs of a batch with codes.
func openCodes(t *testing.T, count int64) *codeShop {
	t.Helper()
	s := &codeShop{voucherShop: &voucherShop{payShop: openPaidAs(t, open(t, true), nil)}, codes: map[string]string{}}
	s.cards = voucher.New(voucher.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) voucher.Tx { return tx }),
		Seller: s.Vending, Sealer: s.sealer, Rand: rand.Reader, MayDate: s.MayDate,
		Deliver: func(voucher.Tx, string) ([]string, error) { return s.routes, nil }})
	made, err := s.cards.Make(t.Context(), owner(), voucher.NewBatch{Count: count, Face: 10_000, Expires: "2027-06-30", RequiresCode: true})
	if err != nil || made.Refused() || !made.Value.Batch.RequiresCode {
		t.Fatal(err, made.Detail())
	}
	s.taken(printer(), made.Value.Batch.Name())
	s.meter = s.payShop.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	return s
}

// withCodes sells vouchers of another batch, which have codes, and issues one code again.
func (s *voucherShop) withCodes() {
	s.t.Helper()
	made, err := s.cards.Make(s.t.Context(), owner(), voucher.NewBatch{Count: 4, Face: 1000, Expires: "2027-06-30", RequiresCode: true})
	if err != nil || made.Refused() {
		s.t.Fatal(err, made.Detail())
	}
	batch := made.Value.Batch.Name()
	sheet, err := s.cards.Print(s.t.Context(), owner(), batch)
	sold, err2 := s.cards.Sell(s.t.Context(), owner(), voucher.OnRange{Batch: batch, Range: voucher.Range{From: 1, To: 3}})
	again, err3 := s.cards.Reissue(s.t.Context(), owner(), voucher.OnRange{Batch: batch, Range: voucher.Range{From: 2, To: 2}, Reason: "lost"})
	if err := errors.Join(err, err2, err3); err != nil || sheet.Refused() || sold.Refused() || again.Refused() {
		s.t.Fatal(err, sheet.Detail(), sold.Detail(), again.Detail())
	}
}

// taken takes the PINs of a batch.
func (s *codeShop) taken(by access.Actor, batch string) {
	s.t.Helper()
	sheet, err := s.cards.Print(s.t.Context(), by, batch)
	if err != nil || sheet.Refused() {
		s.t.Fatal(err, sheet.Detail())
	}
	s.batch, s.pins = sheet.Batch, nil
	for _, p := range sheet.Vouchers {
		s.pins = append(s.pins, p.PIN.Reveal())
	}
}

func (s *codeShop) act(from, to int64, reason string) voucher.OnRange {
	return voucher.OnRange{Batch: s.batch.Name(), Range: voucher.Range{From: from, To: to}, Reason: reason}
}

// soldBy sells a range and notes the codes that the seller sees.
func (s *codeShop) soldBy(by access.Actor, from, to int64) refusal.Refusal {
	s.t.Helper()
	out, err := s.cards.Sell(s.t.Context(), by, s.act(from, to, ""))
	if err != nil {
		s.t.Fatal(err)
	}
	if !out.Refused() && int64(len(out.Value.Codes)) != to-from+1 {
		s.t.Errorf("the sale of %d vouchers shows %d codes", to-from+1, len(out.Value.Codes))
	}
	s.note(out.Value.Codes)
	return out.Refusal
}

func (s *codeShop) note(codes []voucher.Coded) {
	for _, c := range codes {
		s.codes[c.Serial] = c.Code.Reveal()
	}
}

func (s *codeShop) code(n int64) string { return s.codes[s.batch.Serial(n)] }

// try redeems what a stranger wrote.
func (s *codeShop) try(text, code, who string) voucher.Outcome {
	s.t.Helper()
	out, err := s.cards.Redeem(s.t.Context(), access.SystemActor(tenant, "sms"), voucher.Redemption{PIN: text, Code: code, Meter: s.meter, Who: who, Route: voucher.BySMS})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// TestAPrinterCannotRedeemASoldVoucher: whoever printed the PINs of a batch with codes gets nothing for the PIN of a sold voucher, and learns nothing. The
// buyer redeems it, however the two are written.
func TestAPrinterCannotRedeemASoldVoucher(t *testing.T) {
	s := openCodes(t, 4)
	s.fourEyes()
	if no := s.soldBy(seller(), 1, 3); no.Refused() {
		t.Fatal(no.Detail())
	}
	wrong := s.try("1234567890123452", "", "phone:1").Refusal
	for name, out := range map[string]voucher.Outcome{
		"the PIN alone": s.try(s.pins[0], "", "phone:2"), "a wrong code": s.try(s.pins[0], "FFFFFFFF", "phone:3"), "another's code": s.try(s.pins[0], s.code(2), "phone:4"),
		"an unsold one": s.try(s.pins[3], s.code(1), "phone:5"), "another meter's words": s.try(s.pins[0]+" "+s.code(3), "", "phone:6"),
	} {
		if out.Detail() != wrong.Detail() || out.Text != "voucher-not-found" || out.Serial != "" {
			t.Errorf("%s is answered %q %q, a wrong PIN %q", name, out.Serial, out.Detail(), wrong.Detail())
		}
	}
	s.refusedAs(s.try(s.pins[0], "FFFF", "phone:7").Refusal, "voucher-code-mistyped") // tells a guesser nothing
	if n := s.wrongOf("route sms"); n != 6 {
		t.Errorf("%d wrong tries are counted, want 6", n)
	}
	first := s.try(s.pins[0], s.code(1), "phone:8")
	if first.Refused() || first.Sale.Tender.Minor != 10_000 {
		t.Fatal(first.Detail())
	}
	if again := s.try(strings.ToLower(s.code(1))+" "+s.pins[0], "", "phone:8"); again.Refused() || !again.Repeated {
		t.Errorf("the same again: %s", again.Detail())
	}
	s.refusedAs(s.try(s.pins[0], "", "phone:8").Refusal, "voucher-not-found") // also after it was redeemed
	if out := s.try(strings.ReplaceAll(s.pins[1], " ", "-"), strings.ReplaceAll(s.code(2), " ", "-"), "phone:9"); out.Refused() {
		t.Error(out.Detail())
	}
	s.is(voucher.Counts{Made: 1, Active: 1, Redeemed: 2})
}

// wrongOf reads how many wrong tries a count has.
func (s *codeShop) wrongOf(count string) (n int64) {
	s.t.Helper()
	s.do(func(tx *store.Tx) (err error) {
		n, err = tx.Number(`SELECT wrong FROM voucher_try WHERE who = $1`, count)
		return err
	})
	return n
}

// TestWrongCodesCountAsWrongPINs: they use up the same tries, and a right PIN with its code counts afterwards.
func TestWrongCodesCountAsWrongPINs(t *testing.T) {
	s := openCodes(t, 1)
	s.soldBy(seller(), 1, 1)
	for range voucher.MaxWrong {
		s.refusedAs(s.try(s.pins[0], "XXXXXXXX", "phone:1").Refusal, "voucher-not-found")
	}
	s.refusedAs(s.try(s.pins[0], "XXXXXXXX", "phone:1").Refusal, "voucher-too-many-tries")
	if out := s.try(s.pins[0], s.code(1), "phone:1"); out.Refused() {
		t.Error(out.Detail())
	}
}

// TestABatchWithoutCodesIsAsBefore: the PIN alone redeems, with a code too, and nothing shows codes.
func TestABatchWithoutCodesIsAsBefore(t *testing.T) {
	s := &codeShop{voucherShop: openVouchers(t, open(t, true), 2)}
	s.meter = s.payShop.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	out, err := s.cards.Sell(t.Context(), owner(), s.act(1, 2, ""))
	if err != nil || out.Refused() || len(out.Value.Codes) != 0 {
		t.Fatal(err, out.Detail(), len(out.Value.Codes))
	}
	if out := s.try(s.pins[0], "", "phone:1"); out.Refused() {
		t.Error(out.Detail())
	}
	if out := s.try(s.pins[1], "FHJKLMQR", "phone:1"); out.Refused() { // somebody may have another voucher's receipt in hand
		t.Error(out.Detail())
	}
	if l, err := s.cards.Codes(t.Context(), owner(), s.act(1, 2, "")); err != nil || l.Refused() || len(l.Codes) != 0 {
		t.Errorf("codes: %q %v", l.Text, err)
	}
	if r, err := s.cards.Reissue(t.Context(), owner(), s.act(1, 2, "lost")); err != nil || r.Text != "voucher-without-codes" {
		t.Errorf("reissue: %q %v", r.Text, err)
	}
	s.is(voucher.Counts{Redeemed: 2})
}

// TestWhoTookThePINsSeesNoCode goes through every way in which one person could get both, where four eyes apply.
func TestWhoTookThePINsSeesNoCode(t *testing.T) {
	s := openCodes(t, 6)
	shop := s.vendor(vendor.NewVendor{})
	s.payIn(shop, 100_000, "bank-1")
	s.fourEyes()
	key := access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "till9", ID: id.ID{15: 90}, Answers: printer().ID, Role: access.Operator}
	shopKey := clerk(shop)
	shopKey.ID, shopKey.Answers = id.ID{15: 91}, printer().ID
	for name, by := range map[string]access.Actor{"herself": printer(), "a key of hers": key, "a key of hers for a vendor": shopKey,
		"a key of nobody": {Tenant: tenant, Kind: access.APIKey, Name: "x", Role: access.Owner}} {
		if no := s.soldBy(by, 1, 1); no.Text != "voucher-codes-of-pin-taker" {
			t.Errorf("the printer sells as %s: %q", name, no.Text)
		}
	}
	if no := s.soldBy(clerk(shop), 1, 1); no.Refused() {
		t.Fatal(no.Detail())
	}
	if no := s.soldBy(seller(), 2, 5); no.Refused() {
		t.Fatal(no.Detail())
	}
	shown := func(by access.Actor, from, to int64) voucher.CodeList {
		t.Helper()
		l, err := s.cards.Codes(t.Context(), by, s.act(from, to, ""))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := shown(seller(), 2, 5); l.Refused() || len(l.Codes) != 4 || l.Codes[1].Code.Reveal() != s.code(3) {
		t.Errorf("the seller sees %d codes again: %s", len(l.Codes), l.Detail())
	}
	if l := shown(clerk(shop), 1, 1); l.Refused() || l.Codes[0].Code.Reveal() != s.code(1) {
		t.Errorf("the vendor sees %d codes again: %s", len(l.Codes), l.Detail())
	}
	s.refusedAs(shown(printer(), 2, 5).Refusal, "voucher-codes-of-other")
	s.refusedAs(shown(third(), 2, 5).Refusal, "voucher-codes-of-other")
	s.refusedAs(shown(seller(), 1, 5).Refusal, "voucher-codes-of-other")
	s.refusedAs(shown(shopKey, 1, 1).Refusal, "voucher-codes-of-pin-taker") // the vendor has seen them, but this key is the printer's
	s.refusedAs(shown(seller(), 5, 6).Refusal, "voucher-range-not-sold")

	asked, err := s.cards.Reissue(t.Context(), printer(), s.act(2, 2, "lost"))
	if err != nil || asked.Text != "voucher-codes-of-pin-taker" {
		t.Errorf("the printer asks for new codes: %q %v", asked.Text, err)
	}
	for name, checker := range map[string]access.Actor{"the printer": printer(), "the printer's key": key} {
		asked, err = s.cards.Reissue(t.Context(), third(), s.act(2, 2, "lost "+name))
		if err != nil || asked.Value.Waits == nil || len(asked.Value.Codes) != 0 {
			t.Fatalf("one person issued codes again: %v %s", err, asked.Detail())
		}
		if done := s.issuedBy(checker, *asked.Value.Waits); done.Text != "voucher-codes-of-pin-taker" || done.Shown != nil {
			t.Errorf("%s approves new codes: %q", name, done.Text)
		}
	}
}

// issuedBy has somebody approve a new issue of codes.
func (s *codeShop) issuedBy(checker access.Actor, w access.Approval) access.Done {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		w.State, w.Checker, w.DecidedAt = access.ApprovalGiven, checker, tx.Now
		_, err := tx.PutApproval(w, access.ApprovalWaiting)
		return err
	})
	maker := w.Maker
	maker.Approval = w.ID
	done, err := s.cards.Executors()[w.Act](s.t.Context(), maker, w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// TestACodeEndsWhenItIsIssuedAgain: whoever found the receipt can redeem the voucher no more.
func TestACodeEndsWhenItIsIssuedAgain(t *testing.T) {
	s := openCodes(t, 3)
	s.soldBy(seller(), 1, 2)
	old := []string{s.code(1), s.code(2)}
	next := -1 // a code works once, so each try takes the next voucher
	await.Ends(t, await.Credential{Kind: "voucher code", Works: func() bool {
		next++
		out := s.try(s.pins[next], old[next], "phone:1")
		return !out.Refused()
	}, End: func() {
		if out, err := s.cards.Reissue(t.Context(), owner(), s.act(2, 2, "receipt lost")); err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
	}})
}

// TestLostCodesAreIssuedAgainByTwo: the old codes end, the one who approves sees the new ones, and neither the one who asked nor the seller does.
func TestLostCodesAreIssuedAgainByTwo(t *testing.T) {
	s := openCodes(t, 5)
	s.fourEyes()
	s.soldBy(seller(), 1, 4)
	if out := s.try(s.pins[3], s.code(4), "phone:1"); out.Refused() {
		t.Fatal(out.Detail())
	}
	old := s.code(1)
	for _, c := range []struct {
		from, to     int64
		reason, text string
	}{{1, 2, "", "voucher-reason-missing"}, {4, 5, "lost", "voucher-range-not-sold"}, {4, 4, "lost", "voucher-range-not-sold"}} {
		if out, err := s.cards.Reissue(t.Context(), third(), s.act(c.from, c.to, c.reason)); err != nil || out.Text != c.text {
			t.Errorf("%+v: %q %v", c, out.Text, err)
		}
	}
	asked, err := s.cards.Reissue(t.Context(), third(), s.act(1, 4, "receipt lost"))
	if err != nil || asked.Value.Waits == nil || len(asked.Value.Codes) != 0 {
		t.Fatalf("one person issued codes again: %v %s", err, asked.Detail())
	}
	for _, want := range []string{"300.00", "seller", "printer", s.batch.Serial(1) + " to " + s.batch.Serial(4)} {
		if !strings.Contains(asked.Value.Waits.Effect+asked.Value.Waits.Summary, want) && want != "300.00" {
			t.Errorf("the approver does not see %q in %s", want, asked.Value.Waits.Effect)
		}
	}
	done := s.issuedBy(fourth(), *asked.Value.Waits)
	codes, _ := done.Shown.([]voucher.Coded)
	if done.Refused() || len(codes) != 3 {
		t.Fatalf("the second person sees %d codes: %s", len(codes), done.Detail())
	}
	s.note(codes)
	if s.code(1) == old {
		t.Error("the new code is the old one")
	}
	s.refusedAs(s.try(s.pins[0], old, "phone:2").Refusal, "voucher-not-found")
	if out := s.try(s.pins[0], s.code(1), "phone:2"); out.Refused() {
		t.Error(out.Detail())
	}
	for name, c := range map[string]struct {
		by   access.Actor
		text string
	}{"the one who asked": {third(), "voucher-codes-of-other"}, "the seller": {seller(), "voucher-codes-of-other"}, "the second person": {fourth(), ""}} {
		if l, err := s.cards.Codes(t.Context(), c.by, s.act(1, 4, "")); err != nil || l.Text != c.text {
			t.Errorf("%s sees the codes again: %q %v", name, l.Text, err)
		}
	}
	s.is(voucher.Counts{Made: 1, Active: 2, Redeemed: 2})
}

// TestALoneLandlordDoesBoth: where four eyes do not apply, one person takes the PINs, sells, and issues codes again; the audit log says so.
func TestALoneLandlordDoesBoth(t *testing.T) {
	s := openCodes(t, 2)
	if no := s.soldBy(printer(), 1, 2); no.Refused() {
		t.Fatal(no.Detail())
	}
	out, err := s.cards.Reissue(t.Context(), printer(), s.act(2, 2, "lost"))
	if err != nil || out.Refused() || len(out.Value.Codes) != 1 {
		t.Fatal(err, out.Detail(), len(out.Value.Codes))
	}
	s.note(out.Value.Codes)
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'voucher.reissue' AND single_person = 1`); n != 1 {
		t.Errorf("%d new issues by one person are noted, want 1", n)
	}
	for n := range int64(2) {
		if out := s.try(s.pins[n], s.code(n+1), "phone:1"); out.Refused() {
			t.Error(out.Detail())
		}
	}
}

// TestPINsOfABatchWithCodesAreTakenBySomebodyKnown: under four eyes nobody could sell the vouchers if anybody may have the PINs.
func TestPINsOfABatchWithCodesAreTakenBySomebodyKnown(t *testing.T) {
	s := openCodes(t, 1)
	made, err := s.cards.Make(t.Context(), owner(), voucher.NewBatch{Count: 1, Face: 10_000, Expires: "2027-06-30", RequiresCode: true})
	if err != nil || made.Refused() {
		t.Fatal(err, made.Detail())
	}
	s.fourEyes()
	sheet, err := s.cards.Print(t.Context(), access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "x", ID: id.ID{15: 9}, Role: access.Owner}, made.Value.Batch.Name())
	if err != nil || sheet.Text != "voucher-pins-by-nobody" {
		t.Errorf("a key of nobody takes the PINs: %q %v", sheet.Text, err)
	}
	s.taken(printer(), made.Value.Batch.Name())
}

// TestStrangersDoNotCloseTheCounter: when strangers have used up the tries of all messages, whoever has signed in still redeems, and has
// a limit of their own that closes nobody else's counter.
func TestStrangersDoNotCloseTheCounter(t *testing.T) {
	s := openVouchers(t, open(t, true), 5)
	meter := s.payShop.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 4)
	try := func(by access.Actor, pin string, route voucher.Route) refusal.Refusal {
		t.Helper()
		out, err := s.cards.Redeem(t.Context(), by, voucher.Redemption{PIN: pin, Meter: meter, Route: route})
		if err != nil {
			t.Fatal(err)
		}
		return out.Refusal
	}
	counted := func(count string, n int) { s.exec(`UPDATE voucher_try SET wrong = $1 WHERE who = $2`, n, count) }
	unsold := s.pins[4]
	s.refusedAs(try(access.SystemActor(tenant, "sms"), unsold, voucher.BySMS), "voucher-not-found")
	s.refusedAs(try(seller(), unsold, ""), "voucher-not-found")
	counted("route sms", voucher.MaxWrongMessages)
	s.refusedAs(try(access.SystemActor(tenant, "sms"), s.pins[0], voucher.BySMS), "voucher-too-many-tries")
	if no := try(seller(), s.pins[0], ""); no.Refused() {
		t.Errorf("strangers closed the counter: %s", no.Detail())
	}
	own := seller().ID.Text(id.Person)
	counted(own, voucher.MaxWrongPerson)
	s.refusedAs(try(seller(), s.pins[1], ""), "voucher-too-many-tries")
	key := access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "till9", ID: id.ID{15: 90}, Answers: seller().ID, Role: access.Operator}
	s.refusedAs(try(key, s.pins[1], ""), "voucher-too-many-tries") // a key of the same person
	if no := try(third(), s.pins[1], ""); no.Refused() {
		t.Errorf("one person closed the counter of another: %s", no.Detail())
	}
	counted("route staff", voucher.MaxWrongStaff)
	s.refusedAs(try(third(), s.pins[2], ""), "voucher-too-many-tries")
	s.clock.add(24 * time.Hour)
	if no := try(seller(), s.pins[2], ""); no.Refused() {
		t.Errorf("on the next day: %s", no.Detail())
	}
}

// TestCodesAfterANewDataKey: a code that was issued under an older data key redeems, is shown again, and is another one under the new key only after a
// new issue.
func TestCodesAfterANewDataKey(t *testing.T) {
	s := openCodes(t, 3)
	s.soldBy(printer(), 1, 3)
	was := s.sealer
	rotated := voucher.New(voucher.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) voucher.Tx { return tx }),
		Seller: s.Vending, Sealer: twoKeys{was}, Rand: rand.Reader, MayDate: s.MayDate, Deliver: func(voucher.Tx, string) ([]string, error) { return s.routes, nil }})
	s.cards = rotated
	l, err := s.cards.Codes(t.Context(), printer(), s.act(1, 3, ""))
	if err != nil || len(l.Codes) != 3 || l.Codes[0].Code.Reveal() != s.code(1) {
		t.Fatalf("shown again under a new key: %d %v %s", len(l.Codes), err, l.Detail())
	}
	if out := s.try(s.pins[0], s.code(1), "phone:1"); out.Refused() {
		t.Error(out.Detail())
	}
	out, err := s.cards.Reissue(t.Context(), printer(), s.act(2, 2, "the old key is known"))
	if err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	old := s.code(2)
	s.note(out.Value.Codes)
	s.refusedAs(s.try(s.pins[1], old, "phone:1").Refusal, "voucher-not-found")
	for _, n := range []int64{2, 3} {
		if out := s.try(s.pins[n-1], s.code(n), "phone:1"); out.Refused() {
			t.Error(out.Detail())
		}
	}
}

// twoKeys is a sealer after its key was replaced.
type twoKeys struct{ was voucher.Sealer }

func (k twoKeys) Seal(context string, plain []byte) []byte { return k.was.Seal(context, plain) }
func (k twoKeys) Open(context string, sealed []byte) ([]byte, error) {
	return k.was.Open(context, sealed)
}
func (k twoKeys) Hash(context string, data []byte) []byte {
	return k.was.Hash("new key "+context, data)
}
func (k twoKeys) Hashes(context string, data []byte) [][]byte {
	return [][]byte{k.Hash(context, data), k.was.Hash(context, data)}
}

// TestVerifyFindsEditedCodes edits the database as an insider would.
func TestVerifyFindsEditedCodes(t *testing.T) {
	s := openCodes(t, 4)
	s.soldBy(printer(), 1, 2)
	s.soldBy(printer(), 3, 3)
	out, err := s.cards.Reissue(t.Context(), printer(), s.act(2, 2, "lost"))
	if err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	s.is(voucher.Counts{Made: 1, Active: 3})
	for name, edit := range map[string]string{
		"the PIN alone":           `UPDATE voucher_batch SET requires_code = NULL`,
		"another taker":           `UPDATE voucher_batch SET taken_self = NULL`,
		"the code before":         `UPDATE voucher SET issue = 1 WHERE n = 2`,
		"no code":                 `UPDATE voucher SET issue = NULL WHERE n = 1`,
		"a code of an unsold one": `UPDATE voucher SET issue = 1 WHERE n = 4`,
		"an issue removed":        `DELETE FROM voucher_issue WHERE number = 3`,
		"a wider issue":           `UPDATE voucher_issue SET to_n = 4 WHERE number = 2`,
		"shown to another":        `UPDATE voucher_issue SET shown_to = 'person x' WHERE number = 2`,
	} {
		if found := s.finds(edit); found == "" {
			t.Errorf("%s: verification finds nothing", name)
		}
	}
}

// TestTheDatabaseHasNoCode: no column has the code in any form that is known without the data key.
func TestTheDatabaseHasNoCode(t *testing.T) {
	s := openCodes(t, 1)
	s.soldBy(seller(), 1, 1)
	plain := voucherpin.Read(s.code(1)).Code
	for _, column := range []string{"voucher.pin", "voucher_issue.proof", "voucher_issue.id", "audit.after", "audit.evidence", "idempotency.body_enc"} {
		table, name, _ := strings.Cut(column, ".")
		s.do(func(tx *store.Tx) error {
			return tx.C.Query(`SELECT `+name+` FROM `+table, func(r core.Row) error {
				if text := strings.ToUpper(fmt.Sprintf("%s %x", r.Bytes(0), r.Bytes(0))); strings.Contains(text, plain) || strings.Contains(text, s.code(1)) {
					t.Errorf("%s has the code", column)
				}
				return nil
			})
		})
	}
}
