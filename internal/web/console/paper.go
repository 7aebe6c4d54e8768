package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/print"
)

// copyOf returns the number of a copy that was counted, see undo; 0 for the receipt itself.
func copyOf(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("copy"))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// pdfPath is the address of a page as a PDF file.
func pdfPath(r *http.Request) string {
	path := strings.TrimSuffix(r.URL.Path, "/") + ".pdf"
	if n := copyOf(r); n > 0 {
		path += "?copy=" + strconv.Itoa(n)
	}
	return path
}

// receiptPDF answers with the receipt of a sale as a PDF file.
func (s *Console) receiptPDF(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.paper(r.Context(), v, r.PathValue("sale"), copyOf(r), true)
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	b, err := print.PDF(print.Receipt(v.site.say, got.Receipt), got.Receipt.At)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.pdf(w, got.Receipt.No, b)
}

// pdf answers with a PDF file, which a browser shows.
func (s *Console) pdf(w http.ResponseWriter, name string, b []byte) {
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `inline; filename="`+fileName(strings.ToLower(name))+`.pdf"`)
	if _, err := w.Write(b); err != nil {
		s.c.Log.Debug("file not sent to its end", logkey.Err, err)
	}
}

// shiftPDF answers with the Z report of a shift as a PDF file.
func (s *Console) shiftPDF(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.c.Office.Shift(r.Context(), v.by, r.PathValue("shift"))
	s.report(w, r, v, got, err)
}

// statementPDF answers with the statement of a meter's account for a month as a PDF file.
func (s *Console) statementPDF(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.c.Office.Statement(r.Context(), v.by, r.PathValue("meter"), strings.TrimSpace(r.URL.Query().Get("month")))
	s.report(w, r, v, got.Report, err)
}

// report answers with a report as a PDF file.
func (s *Console) report(w http.ResponseWriter, r *http.Request, v visit, got office.Report, err error) {
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	b, err := print.PDF(got.Sheet(v.site.say), got.House.At)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.pdf(w, got.Name, b)
}
