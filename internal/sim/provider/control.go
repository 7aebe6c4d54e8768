package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// controlRoutes serves the control interface and the pages where customers pay. They suffer no faults.
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	for path, do := range map[string]func(c *control) (any, error){
		"/control/pay":    func(c *control) (any, error) { return s.Pay(c.Order) },
		"/control/answer": func(c *control) (any, error) { return s.Answer(c.Provider, c.Request, c.Do) },
		"/control/payers": func(c *control) (any, error) {
			return nil, s.SetBehaviour(c.Provider, c.Payer, Behaviour{c.Do, c.After})
		},
		"/control/reverse":    func(c *control) (any, error) { return s.Reverse(c.Provider, c.ID) },
		"/control/refund":     func(c *control) (any, error) { return s.Refund(c.Provider, c.ID, c.Amount) },
		"/control/chargeback": func(c *control) (any, error) { return s.ChargeBack(c.Provider, c.ID) },
		"/control/withdraw":   func(c *control) (any, error) { return s.Withdraw(c.Provider, c.Currency, c.Amount) },
		"/control/forge":      func(c *control) (any, error) { return s.Forge(c.Provider, c.Kind) },
		"/control/faults":     func(c *control) (any, error) { return c.Faults, s.SetFaults(c.Provider, c.Faults) },
		"/control/endpoint":   func(c *control) (any, error) { return nil, s.SetEndpoint(c.Provider, Endpoint{c.URL, c.Secret}) },
		"/control/tokens":     func(c *control) (any, error) { return nil, s.ExpireTokens(c.Provider) },
		"/control/down": func(c *control) (any, error) {
			preset(&c.Mode, Unavailable)
			return nil, s.Down(c.Provider, c.Mode, time.Duration(c.For))
		},
	} {
		mux.HandleFunc("POST "+path, controlled(func(c *control, _ *http.Request) (any, error) { return do(c) }))
	}
	mux.HandleFunc("POST /control/advance", controlled(func(c *control, r *http.Request) (any, error) {
		err := s.Advance(r.Context(), time.Duration(c.For))
		return map[string]time.Time{"now": s.Now()}, err
	}))
	mux.HandleFunc("GET /books", func(w http.ResponseWriter, r *http.Request) {
		b := s.Books()
		problem := ""
		if err := b.Check(); err != nil {
			problem = err.Error()
		}
		if r.URL.Query().Has("totals") {
			b.Payments, b.Entries, b.Forged = nil, nil, nil
		}
		answer{status: http.StatusOK, body: struct {
			Books
			Problem string             `json:"problem"` // of the books, or empty
			Stats   map[Provider]Stats `json:"stats"`
		}{b, problem, s.Stats()}}.write(w)
	})
	mux.HandleFunc("GET /callbacks", func(w http.ResponseWriter, r *http.Request) {
		answer{http.StatusOK, s.Callbacks(after(r)), nil}.write(w)
	})
	mux.HandleFunc("GET /sms", func(w http.ResponseWriter, r *http.Request) { answer{http.StatusOK, s.Texts(after(r)), nil}.write(w) })
	mux.HandleFunc("GET /credentials", func(w http.ResponseWriter, _ *http.Request) { answer{http.StatusOK, s.Credentials(), nil}.write(w) })
	mux.HandleFunc("GET /statements/{provider}/{file}", s.statementFile)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, welcome) }) // as in answer.write
	mux.HandleFunc("GET /checkout/{id}", s.checkout)
	mux.HandleFunc("POST /checkout/{id}", s.checkout)
}

// welcome is what somebody sees who opens the address in a browser.
const welcome = `The payment provider simulator of Paywatt.

Providers: /daraja /momo /stripe /paystack /webhook /airtel /flutterwave
For tests: POST /control/pay answer payers reverse refund chargeback withdraw endpoint faults down tokens forge advance
To look at: /books /callbacks /sms /credentials /statements/{provider}/{day}.csv (.xml, .sta)

docs/guide/provider-simulator.md explains all of it.
`

func after(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		return 0
	}
	return n
}

// control is the body of every control request. Each request uses some of its fields.
type control struct {
	Order
	Faults
	ID     string   `json:"id"`
	Do     Act      `json:"do"`
	After  Duration `json:"after"`
	For    Duration `json:"for"`
	Kind   string   `json:"kind"`
	Mode   string   `json:"mode"`
	URL    string   `json:"url"`
	Secret string   `json:"secret"`
}

// controlled reads the body and writes what a method returned. Unknown fields are refused, so a typing error is found at once.
func controlled(do func(c *control, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c control
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		d.DisallowUnknownFields()
		out, err := any(nil), error(nil)
		if err = d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
			err = fmt.Errorf("body: %w: %w", err, ErrInvalid)
		} else {
			out, err = do(&c, r)
		}
		if err != nil {
			answer{status: status(err), body: map[string]string{"error": err.Error()}}.write(w)
			return
		}
		if out == nil {
			out = struct{}{}
		}
		answer{status: http.StatusOK, body: out}.write(w)
	}
}

// status is the HTTP status of an error of a method.
func status(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrState):
		return http.StatusConflict
	case errors.Is(err, ErrInvalid):
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

// statementFile serves /statements/{provider}/2026-11-20.csv, .xml or .sta.
func (s *Simulator) statementFile(w http.ResponseWriter, r *http.Request) {
	day, format, _ := strings.Cut(r.PathValue("file"), ".")
	at, err := time.ParseInLocation(time.DateOnly, day, nairobi())
	if err != nil {
		err = fmt.Errorf("day %q, want a name such as 2026-11-20.csv: %w", day, ErrInvalid)
	}
	q := r.URL.Query()
	var out []byte
	if err == nil {
		out, err = s.Statement(Provider(r.PathValue("provider")), at, StatementOptions{Format: StatementFormat(format), Currency: q.Get("currency"), Batch: q.Has("batch"), NoIDs: q.Has("no_ids"), Newer: q.Has("newer"),
			ISO: q.Has("iso"), Extras: q.Has("extras")})
	}
	if err != nil {
		answer{status: status(err), body: map[string]string{"error": err.Error()}}.write(w)
		return
	}
	kind := map[StatementFormat]string{MPesaCSV: "text/csv; charset=utf-8", CAMT053: "application/xml", MT940: "text/plain; charset=us-ascii"}
	w.Header().Set("Content-Type", kind[StatementFormat(format)])
	_, _ = w.Write(out) // a client that went away is no concern of the simulator
}

// checkoutPage is where a customer pays in a browser.
const checkoutPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Simulated checkout</title>
<h1>Simulated checkout</h1><p>{{.Amount}} {{.Currency}}, {{.Reference}}: {{.State}}</p>
{{if eq .State "pending"}}<form method="post">
<button name="do" value="pay">Pay</button> <button name="do" value="cancel">Cancel</button> <button name="do" value="pin">Pay with a declined card</button></form>{{end}}
`

// checkout shows the page of a session of Stripe or a transaction of Paystack, and does what the customer chooses. Afterwards the
// browser goes to the address that the merchant gave.
func (s *Simulator) checkout(w http.ResponseWriter, r *http.Request) {
	id, do := r.PathValue("id"), Act(r.PostFormValue("do"))
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.books.byRequest[Stripe][id]
	if p == nil {
		p = s.books.byRequest[Paystack][id]
	}
	if p == nil {
		p = s.books.byRequest[Flutterwave][id]
	}
	if p == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodPost {
		_ = s.resolve(s.now(), p, do) // a second click changes nothing
		if to := p.back(do); to != "" {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
	}
	page := template.Must(template.New("checkout").Parse(checkoutPage))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{"Amount": major(p.Amount, p.Currency), "Currency": p.Currency, "Reference": p.Reference, "State": string(p.State)}) // as above
}

// back is where the browser goes after the customer did something.
func (p *payment) back(do Act) string {
	if p.Provider != Stripe {
		if p.callback == "" || p.State == Pending {
			return ""
		}
		u, err := url.Parse(p.callback)
		if err != nil {
			return ""
		}
		q := u.Query()
		if p.Provider == Paystack {
			q.Set("trxref", p.Request)
			q.Set("reference", p.Request)
		} else {
			q.Set("status", map[bool]string{true: "successful", false: "cancelled"}[p.State == Taken])
			q.Set("tx_ref", p.Request)
			q.Set("transaction_id", p.intent)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	switch {
	case p.State == Taken:
		return strings.ReplaceAll(p.fields["success_url"].(string), "{CHECKOUT_SESSION_ID}", p.Request)
	case do == ActCancel:
		return p.fields["cancel_url"].(string)
	}
	return ""
}
