package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/spool"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/words"
)

// paperState is what became of the newest paper of a sale on a printer of the server.
type paperState struct {
	Text, Class string
	Failed      bool
}

// printerOf returns the server's printer for somebody: that of the till which takes the cash, or else the person's own.
func (s *Console) printerOf(ctx context.Context, v visit) (spool.Printer, bool, error) {
	if len(s.c.Spool.Printers()) == 0 {
		return spool.Printer{}, false, nil
	}
	at := ""
	if v.by.OfUtility() && v.by.May(access.UseTill) {
		mine, err := s.c.Tills.Show(ctx, v.by, till.Mine)
		if err != nil {
			return spool.Printer{}, false, err
		}
		if at = ledger.MainTill; !mine.Refused() {
			at = mine.Shift.Till
		}
	}
	p, found := s.c.Spool.For(at, v.by.Name)
	return p, found, nil
}

// queueReceipt gives the receipt of a sale to a printer. It neither fails nor waits: the page of the sale says what became of the paper.
func (s *Console) queueReceipt(v visit, to spool.Printer, sold string, n int) {
	p := spool.Paper{Of: sold, Copy: n, Make: func(ctx context.Context) ([]byte, error) {
		got, err := s.c.Vending.Copy(ctx, v.by, sold, n)
		if err == nil && got.Refused() {
			err = errors.New(got.What)
		}
		if err != nil {
			return nil, err
		}
		return print.ESCPOS(print.Receipt(v.site.say, got.Receipt), to.Roll())
	}}
	if n == 0 {
		p.Lost = func(ctx context.Context) {
			if err := s.c.Vending.PaperLost(ctx, v.by, sold, to.Name); err != nil { // then the next paper says COPY
				s.c.Log.Error("original receipt not taken back", logkey.VendID, sold, logkey.Err, err)
			}
		}
	}
	s.c.Spool.Queue(to.Name, p)
}

// printAgain prints the receipt of a sale on the server's printer.
func (s *Console) printAgain(ctx context.Context, v visit, named string) (sold string, no refusal.Refusal, err error) {
	to, found, err := s.printerOf(ctx, v)
	if err != nil || !found {
		return "", refuse.SaleWithoutPrinter(), err
	}
	shown, err := s.c.Vending.Sale(ctx, v.by.Quiet(), named)
	if err != nil || shown.Refused() {
		return "", shown.Refusal, err
	}
	sold = shown.Sale.ID.Text(id.Vend)
	last, _ := s.c.Spool.Status(sold)
	if last.Outcome == spool.Queued { // the form was sent twice
		return sold, refusal.Refusal{}, nil
	}
	n, no, err := s.nextPaper(ctx, v, shown.Sale, last)
	if err != nil || no.Refused() {
		return "", no, err
	}
	s.queueReceipt(v, to, sold, n)
	return sold, refusal.Refusal{}, nil
}

// nextPaper returns the number of the next paper of a sale: the original if no paper of it is out, a copy that did not come out at all, or else a
// new, counted copy. The database decides about the original, so of several that ask at once one gets it.
func (s *Console) nextPaper(ctx context.Context, v visit, one sale.Sale, last spool.Status) (int, refusal.Refusal, error) {
	sold := one.ID.Text(id.Vend)
	if mayCopy(v.by, one) {
		if last.Outcome == spool.NotPrinted && last.Copy > 0 {
			return last.Copy, refusal.Refusal{}, nil
		}
		if got, err := s.c.Vending.Paper(ctx, v.by, sold); err != nil || got.Refused() || got.Receipt.Copy == 0 {
			return 0, got.Refusal, err
		}
	}
	got, err := s.c.Vending.Reprint(ctx, v.by, sold)
	return got.Receipt.Copy, got.Refusal, err
}

// mayCopy reports whether somebody may print the receipt of a sale again, as [vending.Vending.Reprint] decides it.
func mayCopy(by access.Actor, one sale.Sale) bool {
	return one.ReceiptNo != "" && by.May(access.ShowTokens) && (!by.OfUtility() || one.By == by.String() || by.May(access.Reverse))
}

// paperOf says what became of the newest paper of a sale.
func (s *Console) paperOf(t *words.Texts, sold id.ID) paperState {
	status, known := s.c.Spool.Status(sold.Text(id.Vend))
	if !known {
		return paperState{}
	}
	return paperState{Text: paperText(t, status), Class: paperClass(status), Failed: status.Failed()}
}

func paperClass(s spool.Status) string {
	switch {
	case s.Failed():
		return "note bad"
	case s.Outcome == spool.Printed:
		return "note ok"
	}
	return "note"
}

func paperText(t *words.Texts, s spool.Status) string {
	why := ""
	switch s.Why {
	case spool.NoAnswer:
		why = t.PrintingNoAnswer(s.Printer)
	case spool.TooMany:
		why = t.PrintingTooMany(s.Printer)
	case spool.TooLate:
		why = t.PrintingTooLate(s.Printer)
	case spool.NoPaper:
		why = t.PrintingNoPaper()
	}
	switch s.Outcome {
	case spool.Printed:
		return t.PrintingPrinted(s.Printer)
	case spool.NotPrinted:
		return t.PrintingNotPrinted(why)
	case spool.Incomplete:
		return t.PrintingIncomplete(why)
	}
	return t.PrintingQueued(s.Printer)
}

// printerLine is a printer as the settings show it.
type printerLine struct{ Name, Address, Width, Sales, Who, Last string }

// printersPart is the part of the settings about printers.
type printersPart struct {
	Rows  []printerLine
	Tests bool
}

// command is the command that prints a test page.
func (d printersPart) command() string { return "paywatt printer test " + d.Rows[0].Name }

// printerExample describes a printer in the settings file.
const printerExample = `[[printer]]
name = "counter1"
address = "192.168.1.50"
width = 80
tills = ["main"]
automatic = true`

// trialOf names the papers of a printer's test pages.
func trialOf(printer string) string { return "printer " + printer }

func (s *Console) printers(v visit) (d printersPart) {
	t := v.site.say
	d.Tests = !v.by.Needs(access.WriteSettings).Refused()
	for _, p := range s.c.Spool.Printers() {
		l := printerLine{Name: p.Name, Address: p.Address, Width: t.PrintingWidth(strconv.Itoa(p.Width)), Sales: t.PrintingOnRequest(), Who: t.List(slices.Concat(p.Tills, p.People)...)}
		if p.Automatic {
			l.Sales = t.PrintingAutomatic()
		}
		if last, known := s.c.Spool.Status(trialOf(p.Name)); known {
			l.Last = v.site.clock(last.At) + ": " + paperText(t, last)
		}
		d.Rows = append(d.Rows, l)
	}
	return d
}

// testPrinter prints a test page on one of the printers of the settings file.
func (s *Console) testPrinter(w http.ResponseWriter, r *http.Request, v visit) {
	no := v.by.Needs(access.WriteSettings)
	all := s.c.Spool.Printers()
	at := slices.IndexFunc(all, func(p spool.Printer) bool { return p.Name == r.PathValue("printer") })
	switch {
	case no.Refused():
	case !v.owns(r.PostFormValue("form")):
		no = refuse.OfficeFormOfOtherSession()
	case at < 0:
		no = refuse.SaleWithoutPrinter()
	}
	if s.stopped(w, r, v, nil, no) {
		return
	}
	p := all[at]
	h := print.House{Name: v.site.name, Zone: v.site.zone, At: s.c.Now()}
	s.c.Spool.Print(r.Context(), p.Name, spool.Paper{Of: trialOf(p.Name), Make: func(context.Context) ([]byte, error) {
		return print.ESCPOS(print.Trial(v.site.say, h, p.Name, p.Roll().Columns, s.languageNames()), p.Roll())
	}})
	http.Redirect(w, r, "/settings#printers", http.StatusSeeOther)
}

// languageNames are the languages of the pages, each in its own words.
func (s *Console) languageNames() (out []string) {
	for _, l := range s.c.Languages.All() {
		out = append(out, l.LanguageName())
	}
	return out
}
