package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/words"
)

// Whether a browser prints the receipt after each sale. A counter has one browser, so the browser remembers it and not the person.
const (
	printCookie = "paywatt_print"
	printKept   = 365 * 24 * 3600 // seconds
)

// prints reports whether the browser prints the receipt after each sale.
func prints(r *http.Request) bool {
	_, err := r.Cookie(printCookie)
	return err == nil
}

// remembersPrinting stores the choice that came with a sale.
func (s *Console) remembersPrinting(w http.ResponseWriter, r *http.Request, choice bool) {
	if choice == prints(r) {
		return
	}
	c := &http.Cookie{Name: printCookie, Value: "1", Path: "/", MaxAge: printKept, HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode}
	if !choice {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// afterSale is the page of a new sale: the sale, or its receipt, which the browser prints at once. If a printer of the server stands at the
// till, the receipt goes there. An error in looking for it changes only who prints.
func (s *Console) afterSale(w http.ResponseWriter, r *http.Request, v visit, sold id.ID) string {
	wanted := r.PostFormValue("print") != ""
	to, found, err := s.printerOf(r.Context(), v)
	if err != nil {
		s.c.Log.Warn("printer of the till not found", logkey.Err, err)
	}
	if !found || !to.Automatic {
		s.remembersPrinting(w, r, wanted)
	}
	switch {
	case wanted && found:
		first, err := s.c.Vending.Paper(r.Context(), v.by, sold.Text(id.Vend))
		if err != nil || first.Refused() { // the page of the sale offers to print it
			s.c.Log.Warn("receipt not printed", logkey.VendID, sold.Text(id.Vend), logkey.Err, err)
			return salePath(sold)
		}
		s.queueReceipt(v, to, sold.Text(id.Vend), first.Receipt.Copy)
	case wanted:
		return salePath(sold) + "/receipt?print=1"
	}
	return salePath(sold)
}

// printChoice is the text of the choice to print a receipt.
func printChoice(t *words.Texts, printer string) string {
	if printer == "" {
		return t.SellPrint()
	}
	return t.PrintingOn(printer)
}
