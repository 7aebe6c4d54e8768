package bus

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

//go:embed phone.html phones.html phone.css phone.js
var assets embed.FS

// policy is the content security policy of the pages: they contain no inline scripts or styles, and load nothing from other sites.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// Limits of the pages.
const (
	maxForm  = 8 << 10
	shown    = 50               // messages on a telephone's page
	watching = 25 * time.Second // how long a request for news waits
)

// afterHeader carries the number of the newest event that a list includes.
const afterHeader = "X-After"

// phonePages are the templates of the pages.
type phonePages struct{ all, one *template.Template }

// pages mounts the pages for people. They work without scripts; with scripts, a telephone's messages are live.
func (h *Handler) pages() {
	p := phonePages{template.Must(template.ParseFS(assets, "phones.html")), template.Must(template.ParseFS(assets, "phone.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phone/{$}", func(w http.ResponseWriter, r *http.Request) { h.phonesPage(w, r, p) })
	mux.HandleFunc("GET /phone/{number}/{$}", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		h.phonePage(w, r, p, http.StatusOK, phoneView{To: q.Get("to"), Watch: q.Has("watch")})
	})
	mux.HandleFunc("GET /phone/{number}/list", func(w http.ResponseWriter, r *http.Request) { h.phoneList(w, r, p) })
	mux.HandleFunc("POST /phone/{number}/send", func(w http.ResponseWriter, r *http.Request) { h.phoneSend(w, r, p) })
	for name, kind := range map[string]string{"phone.css": "text/css; charset=utf-8", "phone.js": "text/javascript; charset=utf-8"} {
		mux.HandleFunc("GET /phone/"+name, func(w http.ResponseWriter, _ *http.Request) {
			b, err := assets.ReadFile(name)
			if err != nil {
				http.Error(w, "not found", http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(b) // the client has gone: there is nobody to report the error to
		})
	}
	guarded := http.NewCrossOriginProtection().Handler(mux)
	h.mux.HandleFunc("/phone/", func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

// line is one message on a telephone's page.
type line struct {
	At          time.Time
	Out         bool   // sent by this telephone
	Other, Text string // the number at the other end
	State       string // state of a sent message from its delivery report; empty until a report comes
}

// phoneView holds the data for the page of a telephone.
type phoneView struct {
	Number, To, Text string
	Problem          string
	Watch            bool // for a browser without scripts: the page reloads regularly
	After            uint64
	Lines            []line
	Modems           []string
}

// Here is the page's own address with its query.
func (v phoneView) Here() string { return "./?" + url.Values{"watch": {"1"}, "to": {v.To}}.Encode() }

func (h *Handler) phonesPage(w http.ResponseWriter, r *http.Request, p phonePages) {
	if number := r.URL.Query().Get("number"); number != "" {
		w.Header().Set("Location", url.PathEscape(number)+"/") // relative: only the browser knows where the pages are mounted
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	h.mu.Lock()
	phones := make([]string, 0, len(h.phones))
	for digits := range h.phones {
		phones = append(phones, dialled(digits))
	}
	h.mu.Unlock()
	slices.Sort(phones)
	show(w, p.all, "phones.html", http.StatusOK, map[string][]string{"Phones": phones, "Modems": h.numbers()})
}

func (h *Handler) numbers() []string {
	out := make([]string, len(h.modems))
	for i, m := range h.modems {
		out[i] = m.Number()
	}
	return out
}

func (h *Handler) phonePage(w http.ResponseWriter, r *http.Request, p phonePages, status int, v phoneView) {
	v.Number, v.Modems = r.PathValue("number"), h.numbers()
	phone, err := h.phone(v.Number)
	if err != nil {
		http.Error(w, "There is no such telephone: "+err.Error()+".", http.StatusConflict)
		return
	}
	v.Lines, v.After = h.conversation(phone, v.Number)
	switch {
	case v.To != "":
	case len(v.Lines) > 0:
		v.To = v.Lines[0].Other
	case len(v.Modems) > 0:
		v.To = v.Modems[0]
	}
	show(w, p.one, "phone.html", status, v)
}

// conversation returns the messages that a telephone sent and got, newest first, and the number of the newest event that the list includes.
func (h *Handler) conversation(phone *network.Phone, number string) (out []line, after uint64) {
	events := h.net.Events(0) // read before the messages: the telephone already has everything that these events report
	sent := map[uint64]int{}
	states := map[uint64]string{}
	for _, e := range events {
		after = e.N
		if !own(e.From, number) {
			continue
		}
		switch e.Kind {
		case network.Submitted:
			sent[e.Message] = len(out)
			out = append(out, line{At: e.At, Out: true, Other: dialled(e.To), Text: e.Text})
		case network.Delivered, network.Undeliverable, network.Expired:
			states[e.Message] = string(e.Kind)
		}
	}
	for _, e := range events { // the telephone learns the outcome of its messages only from reports
		if i, mine := sent[e.Message]; mine && e.Kind == network.Reported {
			out[i].State = states[e.Message]
		}
	}
	for _, m := range phone.Messages(0) {
		if m.Report == "" {
			out = append(out, line{At: m.Got, Other: m.From, Text: m.Text})
		}
	}
	slices.SortStableFunc(out, func(a, b line) int { return cmp.Or(b.At.Compare(a.At)) })
	return out[:min(len(out), shown)], after
}

// dialled writes the digits of an event as a number: digits too short for an international number are a short code.
func dialled(digits string) string {
	const shortest = 8
	if len(digits) < shortest {
		return digits
	}
	return "+" + digits
}

// own reports whether the digits are those of the number.
func own(digits, number string) bool {
	a, err := pdu.ParseAddress(number)
	return err == nil && a.Text == digits
}

// phoneList waits for an event of the telephone that is newer than the event in the request. Then it answers with the list alone, or with
// 204 if no event comes in time.
func (h *Handler) phoneList(w http.ResponseWriter, r *http.Request, p phonePages) {
	after, wait, err := window(r)
	number := r.PathValue("number")
	phone, no := h.phone(number)
	if err != nil || no != nil {
		http.Error(w, "There is nothing to wait for.", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(cmp.Or(wait, watching), watching))
	defer cancel()
	for news := false; !news; {
		events := h.net.WaitEvents(ctx, after)
		for _, e := range events {
			after = e.N
			news = news || own(e.From, number) || own(e.To, number)
		}
		if len(events) == 0 {
			w.Header().Set(afterHeader, strconv.FormatUint(after, 10))
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	v := phoneView{Number: number}
	v.Lines, v.After = h.conversation(phone, number)
	w.Header().Set(afterHeader, strconv.FormatUint(v.After, 10))
	show(w, p.one, "list", http.StatusOK, v)
}

// phoneSend sends from a telephone. A browser gets the page again; the page's own script gets 204.
func (h *Handler) phoneSend(w http.ResponseWriter, r *http.Request, p phonePages) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	v := phoneView{To: r.PostForm.Get("to"), Text: r.PostForm.Get("text")}
	phone, err := h.phone(r.PathValue("number"))
	if err == nil {
		err = phone.Send(v.To, v.Text)
	}
	script := r.Header.Get("X-Page") != ""
	switch {
	case err != nil && script:
		http.Error(w, "Not sent: "+err.Error()+".", http.StatusUnprocessableEntity)
	case err != nil:
		v.Problem = "Not sent: " + err.Error() + "."
		h.phonePage(w, r, p, http.StatusUnprocessableEntity, v)
	case script:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Location", v.Here())
		w.WriteHeader(http.StatusSeeOther)
	}
}

func show(w http.ResponseWriter, t *template.Template, name string, status int, data any) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client has gone: there is nobody to report the error to
}
