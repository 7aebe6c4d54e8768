package console

import (
	"net/http"
	"strconv"

	"github.com/paywatt/paywatt/internal/logkey"
)

// proofDetail is the content of a proof's page. Both files are for the same head, however many sales follow.
type proofDetail struct {
	Sale, Receipt string
	Size          int64 // leaves of the head that both files are for
}

// proof offers the two files that prove a receipt without this server.
func (s *Console) proof(w http.ResponseWriter, r *http.Request, v visit) {
	p, err := s.c.Vending.Proof(r.Context(), v.by, r.PathValue("sale"), 0)
	if s.stopped(w, r, v, err, p.Refusal) {
		return
	}
	page := s.page(r, v, v.site.say.ProofTitle(p.Receipt.No))
	page.mark(v.site.say, p.Receipt.Test)
	s.show(w, r, http.StatusOK, proofView(page, proofDetail{Sale: p.Receipt.Sale, Receipt: p.Receipt.No, Size: p.Proof.Path.Size}))
}

// proofFile sends the receipt with its proof, for the head with the given number of leaves.
func (s *Console) proofFile(w http.ResponseWriter, r *http.Request, v visit) {
	size, ok := leaves(r.URL.Query().Get("head"))
	if !ok {
		s.notFound(w, r, v)
		return
	}
	p, err := s.c.Vending.Proof(r.Context(), v.by, r.PathValue("sale"), size)
	var b []byte
	if err == nil && !p.Refused() {
		b, err = p.JSON()
	}
	if s.stopped(w, r, v, err, p.Refusal) {
		return
	}
	s.send(w, "receipt-"+p.Receipt.Sale+".json", "application/json", b)
}

// headFile sends the signed head with the given number of leaves.
func (s *Console) headFile(w http.ResponseWriter, r *http.Request, v visit) {
	size, ok := leaves(r.PathValue("size"))
	if !ok {
		s.notFound(w, r, v)
		return
	}
	h, err := s.c.Reports.Head(r.Context(), v.by, size, 0)
	if s.stopped(w, r, v, err, h.Refusal) {
		return
	}
	s.send(w, "head-"+strconv.FormatInt(h.Size, 10)+".txt", "text/plain; charset=utf-8", []byte(h.File.Text()))
}

// leaves reads the size of a head, which is its number of leaves.
func leaves(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0
}

// send answers with a download. The name is one of ours: letters, digits, dots and dashes.
func (s *Console) send(w http.ResponseWriter, name, kind string, b []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	if _, err := w.Write(b); err != nil {
		s.c.Log.Debug("file not written", logkey.Err, err)
	}
}
