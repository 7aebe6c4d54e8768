package console

import (
	"net/http"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/vendor"
)

// lastMonth is the days of the month before the present one.
func (s *Console) lastMonth(t site) vendor.Days {
	now := t.in(s.c.Now())
	return vendor.Days{From: localday.Begin(now.Year(), now.Month()-1, 1, now.Location()).Format(time.DateOnly),
		To: localday.Begin(now.Year(), now.Month(), 0, now.Location()).Format(time.DateOnly)}
}

// vendorSettlement answers with the settlement of a vendor for a month or a span of days as a file.
func (s *Console) vendorSettlement(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	settled, err := s.c.Vendors.Settlement(r.Context(), v.by, r.PathValue("vendor"), vendor.Days{Month: q.Get("month"), From: q.Get("from"), To: q.Get("to")})
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
