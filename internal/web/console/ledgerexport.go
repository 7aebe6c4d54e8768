package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/report"
)

// exportLedger answers with the journals of a period. If it breaks in the middle, the connection is cut, so that nobody takes the part for the
// whole.
func (s *Console) exportLedger(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	f := report.LedgerExport{From: q.Get("from"), To: q.Get("to"), Format: q.Get("format")}
	end := ".csv"
	if f.Format == report.LedgerHledger {
		end = ".journal"
	}
	x, err := s.c.Reports.Export(r.Context(), v.by, f, s.c.Now())
	if err != nil || x.Refused() {
		s.stopped(w, r, v, err, x.Refusal)
		return
	}
	file := &exportFile{ResponseWriter: w, name: "paywatt-ledger-" + v.site.in(s.c.Now()).Format("2006-01-02") + end}
	if err := x.Write(r.Context(), file); err != nil {
		if !access.ClientGone(r.Context(), err) {
			s.c.Log.Warn("ledger not written to its end", logkey.Err, err)
		}
		panic(http.ErrAbortHandler)
	}
}
