package registry_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
)

// TestTheLetterheadIsReadFromTheAuditLog: what the log says about settings has the letterhead, in each form that a version has written. A text that
// can be read in two ways is not read.
func TestTheLetterheadIsReadFromTheAuditLog(t *testing.T) {
	head := registry.ReceiptHead{Address: "1 Shore Street", Contact: "+254 700 000000", Message: `Say "thanks" {twice}`}
	for name, c := range map[string]struct {
		summary string
		want    registry.Letterhead
		unread  bool
	}{
		"the first form": {summary: "name=Lake Power currency= tz=UTC vat_no= four_eyes=default", want: registry.Letterhead{Name: "Lake Power", TZ: "UTC"}},
		"with charges": {summary: "name=Lake Power currency=KES tz=Africa/Nairobi vat_no=P05 1 four_eyes=true max_deduction_bps=0 charges_only=false daily_charges=false",
			want: registry.Letterhead{Name: "Lake Power", TZ: "Africa/Nairobi", VATNo: "P05 1"}},
		"with the head of receipts": {summary: `name=Lake Power currency=KES tz=UTC vat_no=P05 four_eyes=false max_deduction_bps=0 charges_only=false daily_charges=false ` +
			`receipt={"1 Shore Street" "+254 700 000000" "Say \"thanks\" {twice}"} reversal_window_s=900`,
			want: registry.Letterhead{Name: "Lake Power", TZ: "UTC", VATNo: "P05", ReceiptHead: head}},
		"an empty name":                 {summary: "name= currency=KES tz=UTC vat_no= four_eyes=default", want: registry.Letterhead{TZ: "UTC"}},
		"a name like the text after it": {summary: "name=A currency=KES tz=UTC vat_no=1 four_eyes=true currency=KES tz=UTC vat_no=2 four_eyes=true", unread: true},
		"a message like the text after the name": {summary: `name=A currency=KES tz=UTC vat_no=1 four_eyes=true receipt={"" "" " currency=KES tz=UTC vat_no=2 four_eyes=true"}`,
			unread: true},
		"a torn text":   {summary: `name=A currency=KES tz=UTC vat_no=1 four_eyes=true receipt={"1 Shore`, unread: true},
		"another entry": {summary: "customer=cus_1", unread: true},
		"nothing":       {unread: true},
	} {
		got, ok := registry.LetterheadOf(c.summary)
		if ok == c.unread || ok && got != c.want {
			t.Errorf("%s: %+v, %t; want %+v, %t", name, got, ok, c.want, !c.unread)
		}
	}
}

// TestTheLogKnowsWhetherACustomerHadAName: the audit log has no names of customers, but says whether there was one.
func TestTheLogKnowsWhetherACustomerHadAName(t *testing.T) {
	for name, c := range map[string]struct {
		summary, today string
		want           registry.PaperText
	}{
		"a name then, and a name now":             {"name=true phone=true id_no=false lang=en notices=true", "Amina B.", registry.PaperText{Text: "Amina B.", Today: true}},
		"a name then, and none now":               {"name=true phone=true id_no=false lang=en notices=true", "", registry.PaperText{Erased: true}},
		"no name then, and a name now":            {"name=false phone=true id_no=false lang=en notices=true", "Amina B.", registry.PaperText{}},
		"no name then, and none now":              {"name=false phone=true id_no=false lang=en notices=true", "", registry.PaperText{}},
		"an entry that says nothing":              {"", "Amina B.", registry.PaperText{Text: "Amina B.", Today: true}},
		"an entry that says nothing, and no name": {"", "", registry.PaperText{Today: true}},
	} {
		if got := registry.CustomerNameOf(c.summary, c.today); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
