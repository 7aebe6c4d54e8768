package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vendor"
)

func paperTests() []test {
	return []test{
		{"papers of each moment have their letterhead", letterheadsOfPapers},
		{"papers of each moment name their vendor, customer and place", namesOnPapers},
		{"an erased name is erased on all papers before", erasedOnPapers},
		{"papers of an older version say what the audit log knows", olderPapers},
		{"a text of papers that was changed outside the server is found", editedPapers},
		{"a letterhead that another version stored is compared field by field", otherLetterheads},
		{"a name that an older version erased is on no paper before", replacedOnPapers},
		{"a clock that is set back changes no paper", papersOfSetBackClock},
		{"a statement names the meters of its month", metersOnStatements},
	}
}

// papered is a store with a vendor, and with an account whose customer has a name and whose place has an address.
type papered struct {
	t                       *testing.T
	e                       store.Engine
	account, customer, shop id.ID
}

func openPapered(t *testing.T, r Rig) papered {
	p := papered{t: t, e: r.Open(t)}
	p.doAt(0, func(tx *store.Tx) error {
		ids := make([]id.ID, 4)
		for i := range ids {
			var err error
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		p.account, p.customer = ids[0], ids[1]
		return firstOf(tx.AddCustomerRow(registry.Customer{ID: p.customer, Name: "Amina A.", Lang: "en", CreatedAt: tx.Now}),
			tx.AddPoint(registry.Point{ID: ids[2], Address: "12 Lake Road"}),
			tx.AddAccount(registry.Account{ID: p.account, Customer: p.customer, Point: ids[2], Mode: registry.PrepayToken, Tariff: ids[3],
				Status: "active", OpenedAt: tx.Now}))
	})
	p.shop = addVendor(t, p.e, vendor.Vendor{Code: "V001", Name: "Corner shop", Billing: vendor.PrepaidFloat}).ID
	return p
}

// addHours returns the moment n hours after the beginning of these tests.
func addHours(n int) time.Time { return base().Add(time.Duration(n) * time.Hour) }

// doAt carries out work of the server at an hour.
func (p papered) doAt(n int, work func(*store.Tx) error) {
	p.t.Helper()
	must(p.t, p.e, func(tx *store.Tx) error {
		tx.Now = addHours(n)
		return work(tx)
	})
}

// changeSettings changes settings at an hour.
func (p papered) changeSettings(n int, change func(*registry.Settings)) {
	p.t.Helper()
	p.doAt(n, func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		change(&s)
		return firstOf(err, tx.PutTenantSettings(s))
	})
}

// nameCustomer changes the name of the customer at an hour.
func (p papered) nameCustomer(n int, name string) {
	p.t.Helper()
	p.doAt(n, func(tx *store.Tx) error {
		c, _, err := tx.CustomerByID(p.customer)
		c.Name = name
		return firstOf(err, tx.CustomerPut(c))
	})
}

// nameVendor changes the name of the vendor at an hour.
func (p papered) nameVendor(n int, name string) {
	p.t.Helper()
	p.doAt(n, func(tx *store.Tx) error {
		v, _, err := tx.VendorByID(p.shop)
		v.Name = name
		return firstOf(err, tx.PutVendor(v))
	})
}

// logChange adds an entry to the audit log at an hour, as an older version did with each change.
func (p papered) logChange(n int, action, object, before string) {
	p.t.Helper()
	p.doAt(n, func(tx *store.Tx) error {
		return tx.AuditLog(access.Entry{Actor: "test", Action: action, Object: object, Before: before})
	})
}

// forgetTexts removes what papers say, as if an older version had written everything.
func (p papered) forgetTexts() {
	p.t.Helper()
	must(p.t, p.e, func(tx *store.Tx) error { _, err := tx.C.Exec(`DELETE FROM paper_text`); return err })
}

func (p papered) readHead(n int) registry.PaperHead {
	p.t.Helper()
	return look(p.t, p.e, func(tx *store.Tx) (registry.PaperHead, error) { return tx.LetterheadAt(addHours(n)) })
}

func (p papered) readTexts(n int) registry.AccountTexts {
	p.t.Helper()
	return look(p.t, p.e, func(tx *store.Tx) (registry.AccountTexts, error) { return tx.AccountTextsAt(p.account, addHours(n)) })
}

func (p papered) readVendor(n int) registry.PaperText {
	p.t.Helper()
	return look(p.t, p.e, func(tx *store.Tx) (registry.PaperText, error) { return tx.VendorTextAt(p.shop, addHours(n)) })
}

// countFindings verifies, and counts the findings about papers and about rows with evidence.
func (p papered) countFindings(edit string) (n int) {
	p.t.Helper()
	_, err := do(p.e, func(tx *store.Tx) (value, error) {
		n = 0
		if edit != "" {
			if _, err := tx.C.Exec(edit); err != nil {
				return value{refused: true}, fmt.Errorf("%s: %w", edit, err)
			}
		}
		var report store.Report
		err := store.Verify(tx, store.Trust{}, &report)
		for _, f := range report.Findings {
			if f.Rule == "paper" || f.Rule == "row" {
				n++
			}
		}
		return value{refused: true}, err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// wantSound checks that verification finds nothing about papers.
func (p papered) wantSound(when string) {
	p.t.Helper()
	if n := p.countFindings(""); n != 0 {
		p.t.Errorf("%s: verification has %d findings about papers", when, n)
	}
}

func letterheadsOfPapers(t *testing.T, r Rig) {
	p := openPapered(t, r)
	first := p.readHead(0)
	p.changeSettings(1, func(s *registry.Settings) {
		s.Name, s.VATNo, s.TZ = "Lake Power", "P1", "Africa/Nairobi"
		s.Receipt = registry.ReceiptHead{Address: "1 Shore Street", Contact: "0700", Message: "Thanks"}
	})
	one := p.readHead(1)
	if one.Name != "Lake Power" || one.VATNo != "P1" || one.TZ != "Africa/Nairobi" || one.Address != "1 Shore Street" ||
		one.Contact != "0700" || one.Message != "Thanks" || one.Today {
		t.Errorf("the first letterhead: %+v", one)
	}
	p.changeSettings(3, func(s *registry.Settings) { s.VATNo = "mistyped" })
	p.changeSettings(3, func(s *registry.Settings) { s.VATNo = "P2" }) // at the same moment: no paper shows the one before
	three := one
	three.VATNo = "P2"
	eyes := true
	p.changeSettings(4, func(s *registry.Settings) { s.FourEyes = &eyes }) // papers do not show it
	p.changeSettings(5, func(s *registry.Settings) { s.Name, s.Receipt.Message = "Sea Power", "" })
	five := three
	five.Name, five.Message = "Sea Power", ""
	for n, want := range map[int]registry.PaperHead{0: first, 1: one, 2: one, 3: three, 4: three, 5: five, 9: five} {
		if got := p.readHead(n); got != want {
			t.Errorf("at hour %d: %+v, want %+v", n, got, want)
		}
	}
	rows := look(t, p.e, func(tx *store.Tx) (int64, error) {
		return tx.Number(`SELECT COUNT(*) FROM paper_text WHERE kind = 'utility'`)
	})
	if rows != 4 {
		t.Errorf("%d letterheads are stored, want 4", rows)
	}
	p.wantSound("after the changes")
	p.changeSettings(10, func(s *registry.Settings) { s.TZ = "Africa/Nowhere" }) // on a machine that knew more zones
	p.changeSettings(12, func(s *registry.Settings) { s.TZ = "Europe/Berlin" })
	five.TZ = "Europe/Berlin"
	unknown := five
	unknown.Today = true
	if got := p.readHead(11); got != unknown {
		t.Errorf("a letterhead in a zone that is not known here: %+v, want %+v", got, unknown)
	}
	must(t, p.e, func(tx *store.Tx) error {
		return tx.Must(`UPDATE paper_text SET text = '{' WHERE tenant_id = $1 AND kind = 'utility' AND since = 0`, tx.Tenant)
	})
	unreadable := five
	unreadable.Today = true
	if got := p.readHead(0); got != unreadable {
		t.Errorf("a letterhead that was made unreadable: %+v, want today's", got)
	}
}

func namesOnPapers(t *testing.T, r Rig) {
	p := openPapered(t, r)
	p.nameCustomer(2, "Amina B.")
	p.nameVendor(4, "Corner shop 2")
	for n, want := range map[int]string{0: "Amina A.", 1: "Amina A.", 2: "Amina B.", 9: "Amina B."} {
		got := p.readTexts(n)
		if got.Customer != (registry.PaperText{Text: want}) || got.Place != (registry.PaperText{Text: "12 Lake Road"}) || got.Today() {
			t.Errorf("at hour %d: %+v, want %s of 12 Lake Road", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "Corner shop", 3: "Corner shop", 4: "Corner shop 2", 9: "Corner shop 2"} {
		if got := p.readVendor(n); got != (registry.PaperText{Text: want}) {
			t.Errorf("the vendor at hour %d: %+v, want %s", n, got, want)
		}
	}
	none := look(t, p.e, func(tx *store.Tx) (registry.PaperText, error) { return tx.VendorTextAt(id.ID{}, addHours(1)) })
	if none != (registry.PaperText{}) {
		t.Errorf("the utility itself: %+v, want no vendor", none)
	}
	p.wantSound("after the changes")
}

func erasedOnPapers(t *testing.T, r Rig) {
	p := openPapered(t, r)
	p.nameCustomer(1, "Amina B.")
	p.nameCustomer(2, "")
	left := look(t, p.e, func(tx *store.Tx) (int64, error) {
		return tx.Number(`SELECT COUNT(*) FROM paper_text WHERE kind = 'customer' AND (text <> '' OR erased_at IS NOT NULL AND salt IS NOT NULL)`)
	})
	if left != 0 {
		t.Errorf("%d rows still have the name, or the salt of its hash", left)
	}
	p.nameCustomer(4, "Amina C.")
	erased := registry.PaperText{Erased: true}
	for n, want := range map[int]registry.PaperText{0: erased, 1: erased, 2: {}, 3: {}, 4: {Text: "Amina C."}} {
		if got := p.readTexts(n).Customer; got != want {
			t.Errorf("at hour %d: %+v, want %+v", n, got, want)
		}
	}
	if got := p.readTexts(0).Place.Text; got != "12 Lake Road" {
		t.Errorf("the place at hour 0: %q, want its address", got)
	}
	p.wantSound("after the name was erased")
	p.forgetTexts()
	p.logChange(5, "customer.change", p.customer.Text(id.Customer), "name=true phone=false id_no=false lang=en notices=true")
	p.nameCustomer(6, "")
	for n, want := range map[int]registry.PaperText{3: erased, 5: erased, 6: {}} {
		if got := p.readTexts(n).Customer; got != want {
			t.Errorf("of an older version, at hour %d: %+v, want %+v", n, got, want)
		}
	}
}

// replacedOnPapers gives another person's name to a customer whose name an older version erased.
func replacedOnPapers(t *testing.T, r Rig) {
	p := openPapered(t, r)
	p.nameCustomer(3, "")
	p.forgetTexts()
	p.logChange(3, "customer.change", p.customer.Text(id.Customer), "name=true phone=false id_no=false lang=en notices=true")
	p.nameCustomer(5, "Eve E.")
	for n, want := range map[int]string{1: "", 3: "", 4: "", 5: "Eve E."} {
		if got := p.readTexts(n).Customer.Text; got != want {
			t.Errorf("at hour %d: %q, want %q", n, got, want)
		}
	}
}

func olderPapers(t *testing.T, r Rig) {
	p := openPapered(t, r)
	said := func(name string) string {
		return "name=" + name + ` currency=KES tz=UTC vat_no=P05 four_eyes=default max_deduction_bps=0 ` +
			`charges_only=false daily_charges=false receipt={"1 Shore Street" "" ""}`
	}
	letter := func(name string) registry.PaperHead {
		return registry.PaperHead{Letterhead: registry.Letterhead{Name: name, VATNo: "P05", TZ: "UTC",
			ReceiptHead: registry.ReceiptHead{Address: "1 Shore Street"}}}
	}
	p.changeSettings(6, func(s *registry.Settings) {
		s.Name, s.VATNo, s.TZ, s.Receipt = "Fourth", "P05", "UTC", registry.ReceiptHead{Address: "1 Shore Street"}
	})
	p.forgetTexts()
	utility := fmt.Sprintf("tenant %d", store.FirstTenant)
	p.logChange(1, "settings.change", utility, said("First"))
	p.logChange(3, "settings.change", utility, said("Second"))
	p.logChange(5, "settings.change", utility, "not readable")
	p.logChange(6, "settings.change", utility, said("Third"))
	today := letter("Fourth")
	today.Today = true
	want := map[int]registry.PaperHead{0: letter("First"), 1: letter("Second"), 2: letter("Second"), 3: today, 4: today,
		5: letter("Third"), 6: letter("Fourth"), 7: letter("Fourth")}
	compare := func(when string) {
		t.Helper()
		for n, want := range want {
			if got := p.readHead(n); got != want {
				t.Errorf("%s, at hour %d: %+v, want %+v", when, n, got, want)
			}
		}
	}
	compare("before the server writes settings again")
	p.changeSettings(8, func(s *registry.Settings) { s.Name = "Fifth" })
	want[7], want[8] = letter("Fourth"), letter("Fifth")
	compare("afterwards")

	customer := p.customer.Text(id.Customer)
	p.logChange(2, "customer.change", customer, "name=false phone=true id_no=false lang=en notices=true")
	p.logChange(4, "customer.change", customer, "name=true phone=true id_no=false lang=en notices=true")
	for n, want := range map[int]registry.PaperText{1: {}, 2: {Text: "Amina A.", Today: true}, 4: {Text: "Amina A."}} {
		if got := p.readTexts(n); got.Customer != want || got.Place.Today {
			t.Errorf("the account at hour %d: %+v, want %+v", n, got, want)
		}
	}
	p.logChange(2, "vendor.terms", p.shop.Text(id.Vendor),
		`code=V001 name="The \"old\" shop" billing=prepaid commission_bps=0 credit_minor=0 blocked=false`)
	p.nameVendor(5, "Corner shop 3")
	for n, want := range map[int]string{1: `The "old" shop`, 2: "Corner shop", 5: "Corner shop 3"} {
		if got := p.readVendor(n); got != (registry.PaperText{Text: want}) {
			t.Errorf("the vendor at hour %d: %+v, want %s", n, got, want)
		}
	}
}

func editedPapers(t *testing.T, r Rig) {
	p := openPapered(t, r)
	p.nameCustomer(1, "Amina B.")
	p.nameVendor(2, "Corner shop 2")
	p.changeSettings(3, func(s *registry.Settings) { s.Name = "Lake Power" })
	p.doAt(4, func(tx *store.Tx) error {
		nameless, err1 := tx.NewID()
		bare, err2 := tx.NewID()
		return firstOf(err1, err2, tx.AddCustomerRow(registry.Customer{ID: nameless, Lang: "en", CreatedAt: tx.Now}),
			tx.AddPoint(registry.Point{ID: bare}))
	})
	p.wantSound("before the edits")
	for name, edit := range map[string]string{
		"another name at first":  `UPDATE paper_text SET text = 'Eve' WHERE kind = 'customer' AND since = 0`,
		"another name now":       `UPDATE paper_text SET text = 'Eve' WHERE kind = 'customer' AND since > 0`,
		"another name from then": `UPDATE paper_text SET since = since + 1 WHERE kind = 'customer' AND since > 0`,
		"another letterhead":     `UPDATE paper_text SET text = '{"name":"Eve"}' WHERE kind = 'utility' AND since = 0`,
		"another vendor":         `UPDATE paper_text SET text = 'Eve' WHERE kind = 'vendor' AND since = 0`,
		"an erased name":         `UPDATE paper_text SET erased_at = 1 WHERE kind = 'customer' AND since = 0`,
		"no salt":                `UPDATE paper_text SET salt = NULL WHERE kind = 'customer' AND since = 0`,
		"a vendor for a place":   `UPDATE paper_text SET kind = 'vendor' WHERE kind = 'place'`,
		"no address":             `DELETE FROM paper_text WHERE kind = 'place'`,
		"one more name": `INSERT INTO paper_text (tenant_id, id, kind, owner, since, text, version)
			SELECT tenant_id, owner, kind, owner, 5, 'Eve', 1 FROM paper_text WHERE kind = 'customer' AND since = 0`,
		"the customer's row": `UPDATE customer SET name = 'Eve'`,
		"the place's row":    `UPDATE service_point SET address = 'Elsewhere'`,
		"no place":           `DELETE FROM service_point`,
		"a name for nobody":  `UPDATE customer SET name = 'Eve' WHERE name = ''`,
		"an address at last": `UPDATE service_point SET address = 'Elsewhere' WHERE address = ''`,
	} {
		if p.countFindings(edit) == 0 {
			t.Errorf("%s: verification finds nothing", name)
		}
	}
}

// otherLetterheads stores the letterhead in other forms, as another version of the server would.
func otherLetterheads(t *testing.T, r Rig) {
	p := openPapered(t, r)
	p.changeSettings(1, func(s *registry.Settings) { s.Name = "Lake Power" })
	for _, c := range []struct {
		name, old, next string
		findings        int
	}{
		{"with a field that this version does not know", `{`, `{"logo":"",`, 0},
		{"with another name", `Lake Power`, `Sea Power`, 1},
		{"that cannot be read", `{`, `[`, 1},
	} {
		form := func(from, to string) {
			t.Helper()
			p.doAt(2, func(tx *store.Tx) error {
				var row id.ID
				_, err := tx.One(`SELECT id FROM paper_text WHERE tenant_id = $1 AND kind = 'utility' ORDER BY since DESC LIMIT 1`,
					func(r core.Row) error { row = r.ID(0); return nil }, tx.Tenant)
				return firstOf(err, tx.Rewrite("papertext", row, func() error {
					return tx.Must(`UPDATE paper_text SET text = REPLACE(text, $1, $2), version = version + 1 WHERE tenant_id = $3 AND id = $4`,
						from, to, tx.Tenant, row)
				}))
			})
		}
		form(c.old, c.next)
		if n := p.countFindings(""); n != c.findings {
			t.Errorf("a letterhead %s: verification has %d findings, want %d", c.name, n, c.findings)
		}
		form(c.next, c.old)
		p.wantSound("the letterhead before")
	}
}

func papersOfSetBackClock(t *testing.T, r Rig) {
	p := openPapered(t, r)
	p.nameCustomer(5, "Amina B.")
	p.nameCustomer(3, "Amina C.")
	for n, want := range map[int]string{4: "Amina A.", 5: "Amina B.", 6: "Amina C."} {
		if got := p.readTexts(n).Customer.Text; got != want {
			t.Errorf("at hour %d: %s, want %s", n, got, want)
		}
	}
	p.wantSound("after the clock was set back")
}

func metersOnStatements(t *testing.T, r Rig) {
	p := papered{t: t, e: r.Open(t)}
	first, second := addWalletMeter(t, p.e, 1, 0), addWalletMeter(t, p.e, 2, 0)
	p.account = first.account
	numbers := func(n int) string {
		t.Helper()
		return fmt.Sprint(look(t, p.e, func(tx *store.Tx) ([]string, error) { return tx.MetersAt(p.account, addHours(n)) }))
	}
	if got := numbers(1); got != "[]" {
		t.Errorf("without an installation: %s", got)
	}
	must(t, p.e, func(tx *store.Tx) error {
		var place id.ID
		_, err := tx.One(`SELECT service_point_id FROM account WHERE tenant_id = $1 AND id = $2`,
			func(r core.Row) error { place = r.ID(0); return nil }, tx.Tenant, p.account)
		return firstOf(err, tx.AddInstall(first.N, place, addHours(0)), tx.AddInstall(second.N, place, addHours(4)),
			tx.Must(`UPDATE meter_install SET to_at = $1 WHERE tenant_id = $2 AND meter = $3`, addHours(4), tx.Tenant, first.N))
	})
	for n, want := range map[int]string{-1: "[04140000001]", 0: "[04140000001]", 3: "[04140000001]", 4: "[04140000002]", 9: "[04140000002]"} {
		if got := numbers(n); got != want {
			t.Errorf("at hour %d: %s, want %s", n, got, want)
		}
	}
	must(t, p.e, func(tx *store.Tx) error {
		return tx.Must(`UPDATE account SET status = 'closed', closed_at = $1 WHERE tenant_id = $2 AND id = $3`, addHours(3), tx.Tenant, p.account)
	})
	if got := numbers(9); got != "[04140000001]" {
		t.Errorf("after the end of the account: %s, want the last meter of its time", got)
	}
}
