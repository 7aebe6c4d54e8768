package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/vendor"
)

// lastMonth is the month before the present one, as a form writes it.
func (s *Console) lastMonth(t site) string {
	now := t.in(s.c.Now())
	return localday.Begin(now.Year(), now.Month()-1, 1, now.Location()).Format(localday.MonthForm)
}

// vendorSettlement answers with the settlement of a vendor for a month as a file.
func (s *Console) vendorSettlement(w http.ResponseWriter, r *http.Request, v visit) {
	settled, err := s.c.Vendors.Settlement(r.Context(), v.by, r.PathValue("vendor"), vendor.Days{Month: r.URL.Query().Get("month")})
	if s.stopped(w, r, v, err, settled.Refusal) {
		return
	}
	b, err := settled.CSV()
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if _, err := (&exportFile{ResponseWriter: w, name: settled.FileName()}).Write(b); err != nil {
		s.c.Log.Debug("settlement not sent", logkey.Err, err)
	}
}
