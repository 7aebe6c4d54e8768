package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// receiptDetail is a receipt with the explanation of its figures.
type receiptDetail struct {
	Title   string
	Marks   []string
	Facts   []fact
	Bill    bill
	Tokens  []tokenLine
	Message string
	Words   []string // how every figure was computed
	Agrees  bool     // the stored sale equals its recalculation
	Sale    string
	Off     string // why the supply stays off after the sale, if the receipt is printed at once
	PDF     string // address of the receipt as a file
	Screen  bool   // it is for the screen; what is printed of it is a copy
	AtOnce  bool   // the browser prints it without being asked, and the next sale has the focus
}

// fact is a name with its text.
type fact struct{ Name, Text string }

// receipt shows the receipt of a sale and computes every figure of it again.
func (s *Console) receipt(w http.ResponseWriter, r *http.Request, v visit) {
	prints, n := r.URL.Query().Get("print") != "", copyOf(r)
	got, err := s.paper(r.Context(), v, r.PathValue("sale"), n, prints)
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	e, err := s.c.Vending.Explain(r.Context(), v.by, r.PathValue("sale"))
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	d := receiptOf(v.site.say, got.Receipt)
	if d.AtOnce = prints; d.AtOnce {
		m, err := s.meterSold(r.Context(), v, e.Sale.Meter.Number)
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
		d.Off = staysOff(v.site.say, m)
	}
	after, err := s.after(r.Context(), v, e.Sale)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if after != "" {
		d.Facts = append(d.Facts, fact{v.site.say.WalletNewBalance(), after})
	}
	d.Words, d.Agrees = explain.Sale(v.site.say, e), e.Agrees()
	d.PDF, d.Screen = pdfPath(r), n == 0 && !prints
	d.Bill = v.site.bill(e.Sale.Lines, e.Sale.Tender)
	p := s.page(r, v, v.site.say.ReceiptTitle(got.Receipt.No))
	p.mark(v.site.say, got.Receipt.Test)
	s.show(w, r, http.StatusOK, receiptView(p, d))
}

// paper returns the receipt of a sale: as a paper to hand out, as a counted copy, or for the screen.
func (s *Console) paper(ctx context.Context, v visit, sold string, n int, handOut bool) (vending.Receipted, error) {
	if handOut && n == 0 {
		return s.c.Vending.Paper(ctx, v.by, sold)
	}
	return s.c.Vending.Copy(ctx, v.by, sold, n)
}

// keyOf names the key of a receipt's tokens; empty for a recharge, which has none.
func keyOf(k receipt.STS) string {
	if k == (receipt.STS{}) {
		return ""
	}
	return fmt.Sprintf("SGC %s KRN %d TI %s TT %s EA %s", k.SGC, k.KRN, k.TI, k.TT, k.EA)
}

func receiptOf(say *words.Texts, r receipt.Receipt) receiptDetail {
	d := receiptDetail{Title: print.Title(say, r), Marks: print.Marks(say, r), Message: r.Message, Sale: r.Sale}
	if r.Today {
		d.Marks = append(d.Marks, say.PaperToday())
	}
	customer := r.Customer
	if r.Erased {
		customer = say.PaperErased()
	}
	for _, f := range []fact{{say.ReceiptUtility(), r.Utility}, {say.ReceiptAddress(), r.Address}, {say.ReceiptContact(), r.Contact}, {say.ReceiptVatNo(), r.VATNo}, {say.PaperNumber(), r.No},
		{say.PaperEpoch(), r.Epoch}, {say.PaperDate(), say.Clock(r.At)}, {say.PaperVendor(), r.Vendor}, {say.PaperTill(), r.Till}, {say.PaperSoldBy(), site{say: say}.actor(r.Operator)},
		{say.PaperReference(), r.ClientRef}, {say.PaperCustomer(), customer}, {say.PaperPlace(), r.Place}, {say.PaperMeter(), r.Meter},
		{say.PaperSts(), keyOf(r.STS)},
		{say.PaperTariff(), say.PaperTariffVersion(r.TariffName, itoa(r.Version))}} {
		if f.Text != "" {
			d.Facts = append(d.Facts, f)
		}
	}
	for _, t := range r.Ordered() {
		units := say.Name("receipt-token", t.Kind)
		if t.Units > 0 {
			units = say.List(units, say.Energy(t.Units, 1))
		}
		line := tokenLine{Grouped: t.Reveal(), Units: units}
		if digitsOnly(line.Grouped) { // digits, and not the mask
			line.Digits = strings.ReplaceAll(line.Grouped, " ", "")
		}
		d.Tokens = append(d.Tokens, line)
	}
	return d
}
