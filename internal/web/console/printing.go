package console

import "net/http"

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

// afterSale is the page of a new sale: the sale, or its receipt, which the browser prints at once.
func afterSale(sale string, printed bool) string {
	if printed {
		return sale + "/receipt?print=1"
	}
	return sale
}
