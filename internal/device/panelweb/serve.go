package panelweb

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
)

//go:embed page.html list.html panel.css panel.js
var assets embed.FS

// policy is the content security policy of every page: nothing inline, nothing from elsewhere.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// Limits of the pages.
const (
	maxForm    = 4 << 10
	pingEvery  = 15 * time.Second
	writeGrace = 10 * time.Second
)

// Handler serves the page at its root and the page's files below it. The parameter do is the function that runs the
// actions of the page. A page of another site can neither press keys nor read the display, even if the host name of that
// site points to this machine.
func (p *Panel) Handler(do Do) http.Handler {
	page := template.Must(template.ParseFS(assets, "page.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.index(w, page, "") })
	mux.HandleFunc("GET /live", p.liveView)
	mux.HandleFunc("GET /panel.css", asset("panel.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /panel.js", asset("panel.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("POST /{what}", func(w http.ResponseWriter, r *http.Request) { p.change(w, r, page, do) })
	return withPolicy(onlyByAddress(http.NewCrossOriginProtection().Handler(mux)))
}

// onlyByAddress refuses requests to any host name other than localhost; IP addresses are allowed. There is no sign-in,
// and another site can point its own name at this machine: the browser then takes the panel for a page of that site.
func onlyByAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := url.URL{Host: r.Host}
		host := strings.ToLower(u.Hostname())
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
			http.Error(w, "This page is served by address only. Open it as localhost, or by the IP address of its machine.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func asset(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		b, err := assets.ReadFile(name)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(b) // writing fails only if the client has gone
	}
}

// content is the data of the page template.
type content struct {
	face.View
	Keys   []key
	Speeds []speed
	// Problem says why the last action failed.
	Problem string
	// Phone is the address of the customer's telephone, empty for none.
	Phone string
	// Name, Note, Console and Back are those of [Config].
	Name, Note, Console, Back string
}

type key struct{ Key, Name, Hint string }

type speed struct {
	Times  int
	Name   string
	Chosen bool
}

func keypad() []key {
	keys := make([]key, 0, 12)
	for _, k := range "123456789" {
		keys = append(keys, key{Key: string(k), Name: string(k)})
	}
	return append(keys, key{"*", "* menu, star: leave, discard", "menu"}, key{Key: "0", Name: "0"}, key{"#", "# enter, hash: confirm", "enter"})
}

func (p *Panel) index(w http.ResponseWriter, page *template.Template, problem string) {
	c := content{View: p.hub.newest(), Keys: keypad(), Problem: problem, Phone: p.c.Phone,
		Name: p.c.Name, Note: cmp.Or(p.c.Note, "This is a virtual meter. It measures nothing."), Console: p.c.Console, Back: p.c.Back}
	for _, s := range face.Speeds() {
		if p.c.OwnTime {
			break
		}
		name := "×" + strconv.Itoa(s)
		if s == 0 {
			name = "stop"
		}
		c.Speeds = append(c.Speeds, speed{Times: s, Name: name, Chosen: s == c.Speed})
	}
	var b bytes.Buffer
	if err := page.Execute(&b, c); err != nil {
		p.c.Log.Error("page could not be built", logkey.Err, err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if problem != "" {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	_, _ = w.Write(b.Bytes())
}

// change handles a form. It answers with the page for a browser, and with 204 for the page's own script.
func (p *Panel) change(w http.ResponseWriter, r *http.Request, page *template.Template, do Do) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	f, ok := p.wish(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	err := do(r.Context(), f)
	script := r.Header.Get("X-Panel") != ""
	switch {
	case err != nil && script:
		http.Error(w, problem(err), http.StatusUnprocessableEntity)
	case err != nil:
		p.index(w, page, problem(err))
	case script:
		w.WriteHeader(http.StatusNoContent)
	default:
		// The address is relative, because only the browser knows where the panel is mounted.
		w.Header().Set("Location", "./")
		w.WriteHeader(http.StatusSeeOther)
	}
}

// wish translates a form into an action on the device.
func (p *Panel) wish(r *http.Request) (func() error, bool) {
	form := r.PostForm
	switch r.PathValue("what") {
	case "key":
		return func() error { return p.dev.Keys(form.Get("key")) }, true
	case "load":
		return func() error { return p.meter.SetLoad(form.Get("w")) }, true
	case "speed":
		if p.c.OwnTime {
			return nil, false
		}
		return func() error {
			n, err := strconv.Atoi(form.Get("times"))
			if err != nil {
				n = -1 // not a valid speed
			}
			return p.meter.SetSpeed(n)
		}, true
	case "mains":
		return func() error { return p.meter.Power(form.Get("on") == "yes") }, true
	case "cover":
		return func() error { return p.dev.Tamper(meter.TamperCover, form.Get("open") == "yes") }, true
	case "sms":
		return func() error { return p.dev.SMS(form.Get("from"), form.Get("text")) }, true
	}
	return nil, false
}

// problem turns an error into a text for a person.
func problem(err error) string {
	switch {
	case errors.Is(err, errBusy):
		return "The meter is busy. Nothing was changed; try again."
	case errors.Is(err, errSlow):
		return "The meter is at it and has not finished. Look at the display before you try again."
	}
	return face.Problem(err)
}

// liveView streams the views. Each write has its own deadline, so that a display that has left the network blocks
// nobody.
func (p *Panel) liveView(w http.ResponseWriter, r *http.Request) {
	views, leave, ok := p.hub.join()
	if !ok {
		http.Error(w, "Too many live displays.", http.StatusServiceUnavailable)
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	ctl := http.NewResponseController(w)
	send := func(text string) bool {
		if err := ctl.SetWriteDeadline(time.Now().Add(writeGrace)); err != nil {
			return false
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return false
		}
		return ctl.Flush() == nil
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case v := <-views:
			b, err := json.Marshal(v)
			if err != nil || !send("data: "+string(b)+"\n\n") {
				return
			}
		case <-ping.C:
			if !send(": ping\n\n") {
				return
			}
		}
	}
}
