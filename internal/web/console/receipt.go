package console

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/receipt"
)

// receiptDetail is a receipt with the explanation of its figures.
type receiptDetail struct {
	Title   string
	Marks   []string
	Facts   []fact
	Bill    bill
	Tokens  []tokenLine
	Message string
	Words   []string // how every figure comes about
	Agrees  bool     // the stored sale is what its own figures make it
	Sale    string
}

// fact is a name and what it says.
type fact struct{ Name, Text string }

// receipt shows the receipt of a sale and derives every figure of it again.
func (s *Console) receipt(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.c.Vending.Receipt(r.Context(), v.by, r.PathValue("sale"))
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	e, err := s.c.Vending.Explain(r.Context(), v.by, r.PathValue("sale"))
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	d := receiptOf(got.Receipt)
	d.Words, d.Agrees = e.Words(), e.Agrees()
	d.Bill = v.site.bill(e.Sale.Lines, e.Sale.Tender)
	p := s.page(r, v, "Receipt "+got.Receipt.No)
	p.mark(v.site.say, got.Receipt.Test)
	s.show(w, r, http.StatusOK, receiptView(p, d))
}

func receiptOf(r receipt.Receipt) receiptDetail {
	d := receiptDetail{Title: r.Title, Marks: r.Marks(), Message: r.Message, Sale: r.Sale}
	for _, f := range []fact{{"Utility", r.Utility}, {"Address", r.Address}, {"Contact", r.Contact}, {"VAT no.", r.VATNo}, {"Receipt", r.No},
		{"Epoch", r.Epoch}, {"Date", r.At.Format("2006-01-02 15:04 MST")}, {"Vendor", r.Vendor}, {"Till", r.Till}, {"Sold by", r.Operator},
		{"Reference", r.ClientRef}, {"Customer", r.Customer}, {"Place", r.Place}, {"Meter", r.Meter},
		{"STS", fmt.Sprintf("SGC %s KRN %d TI %s TT %s EA %s", r.STS.SGC, r.STS.KRN, r.STS.TI, r.STS.TT, r.STS.EA)},
		{"Tariff", fmt.Sprintf("%s, version %d", r.TariffName, r.Version)}} {
		if f.Text != "" {
			d.Facts = append(d.Facts, f)
		}
	}
	for _, t := range r.Ordered() {
		units := t.Text()
		if t.Units > 0 {
			units += ", " + t.Units.KWh(1) + " kWh"
		}
		line := tokenLine{Grouped: t.Reveal(), Units: units}
		if digitsOnly(line.Grouped) { // and not the mark that hides them
			line.Digits = strings.ReplaceAll(line.Grouped, " ", "")
		}
		d.Tokens = append(d.Tokens, line)
	}
	return d
}
