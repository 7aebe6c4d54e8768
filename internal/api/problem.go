package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/vending"
)

// Codes of this package alone: what can go wrong in HTTP before a use case is called.
const (
	methodNotAllowed     refusal.Code = "method-not-allowed"
	unsupportedMediaType refusal.Code = "unsupported-media-type"
	formatUnsupported    refusal.Code = "format-unsupported"
	requestTimeout       refusal.Code = "request-timeout"
	hostUnknown          refusal.Code = "host-unknown"
)

// Problem is an RFC 9457 document with Paywatt's members. Every answer of status 400 and above is a problem.
type Problem struct {
	apiv1.Problem
	retryAfter int // in seconds; 0: the answer has no such header
}

// Error makes a problem an error, so that handlers can return one.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the content type of a problem document.
func (p *Problem) ContentType(string) string { return problemType }

const (
	problemType = "application/problem+json"
	jsonType    = "application/json"
)

// problemOf turns a refusal into a problem.
func problemOf(r refusal.Refusal) *Problem {
	return &Problem{Problem: apiv1.Problem{Status: statusOf(r.Code), Code: string(r.Code), Detail: r.Detail(), Retryable: retryable(r.Code)},
		retryAfter: retryAfter(r.Code)}
}

func statusOf(c refusal.Code) int {
	switch c {
	case methodNotAllowed:
		return http.StatusMethodNotAllowed
	case unsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case formatUnsupported:
		return http.StatusBadRequest
	case requestTimeout:
		return http.StatusRequestTimeout
	case hostUnknown:
		return http.StatusMisdirectedRequest
	}
	return c.Status()
}

func retryable(c refusal.Code) bool {
	switch c {
	case refusal.RateLimited, refusal.IdempotencyRunning, refusal.VendInProgress, refusal.NotSealedYet, requestTimeout:
		return true
	}
	return c.Status() == http.StatusServiceUnavailable
}

// retryAfter is the shortest useful wait before a repetition, in seconds.
func retryAfter(c refusal.Code) int {
	switch c {
	case refusal.IdempotencyRunning, refusal.VendInProgress, refusal.RateLimited, refusal.NotSealedYet:
		return 1
	case refusal.StorageUnavailable, refusal.StorageFull, refusal.OutcomeUnknown, refusal.IssuerUnknown, refusal.KeystoreLocked:
		return 5
	}
	return 0
}

// moneyMoved is the value of money_moved in a sale's problem.
func moneyMoved(c refusal.Code) apiv1.MoneyMoved { return apiv1.MoneyMoved(vending.MoneyMoved(c)) }

// complete fills in the exchange's part of a problem.
func (p *Problem) complete(x *exchange) *Problem {
	p.Type = "/docs#" + p.Code
	p.Title = titleOf(p.Code)
	p.RequestID = x.requestID
	if x.sale && p.MoneyMoved == "" {
		p.MoneyMoved = moneyMoved(refusal.Code(p.Code))
	}
	return p
}

func titleOf(code string) string {
	s := strings.ReplaceAll(code, "-", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// encode writes the document as it is sent and stored.
func (p *Problem) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil { // cannot happen: a problem has only strings, integers and booleans
		return []byte(`{"status":500,"code":"internal"}`)
	}
	return append(b, '\n')
}

// writeProblem answers with p outside of huma.
func writeProblem(w http.ResponseWriter, x *exchange, p *Problem) {
	writeEncoded(w, p.Status, p.complete(x).encode(), p.retryAfter)
}

func writeEncoded(w http.ResponseWriter, status int, body []byte, retryAfter int) {
	h := w.Header()
	h.Set("Content-Type", problemType)
	if retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="paywatt"`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; there is nobody to report it to
}

// problemFor turns a use case's error into a problem. The text of the error is never sent: it may name paths and tables. It
// goes to the log under the request's id.
func (a *API) problemFor(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	x := exchangeOf(ctx)
	code := a.c.Fault(err)
	log := a.c.Log.ErrorContext
	if access.ClientGone(ctx, err) {
		log = a.c.Log.InfoContext
	}
	log(ctx, "request failed", logkey.RequestID, x.requestID, logkey.Route, x.route,
		logkey.Code, string(code), logkey.Err, err)
	return problemOf(x.explainFault(code, err))
}

// faultOf returns the refusal that answers a fault. The error tells what the text names.
func faultOf(c refusal.Code, err error) refusal.Refusal {
	switch c {
	case refusal.NotFound:
		return refuse.ObjectNotFound()
	case refusal.StorageFull:
		return refuse.DiskFull()
	case refusal.OutcomeUnknown:
		return refuse.CommitUnknown()
	case refusal.StorageUnavailable:
		return refuse.DatabaseTakesNoChanges()
	}
	if zone := (*localday.ZoneError)(nil); errors.As(err, &zone) {
		return refuse.UtilityZoneUnknown(refusal.Echo(zone.Name))
	}
	return refuse.ServerFailed(c)
}

// explainFault returns the refusal that answers a fault in this exchange. If the request might have moved money, the refusal says whether it did.
func (x *exchange) explainFault(c refusal.Code, err error) refusal.Refusal {
	no := faultOf(c, err)
	switch {
	case !x.sale:
		return no
	case moneyMoved(c) == apiv1.MoneyMovedUnknown:
		return refuse.FaultOfUnknownOutcome(no)
	}
	return refuse.FaultMovedNothing(no)
}

// humaContext is huma.Context under another name, so that embedding it does not hide its method Context.
type humaContext = huma.Context

// statusFix lets the transformer correct the status that huma chose before it knew the problem.
type statusFix struct {
	humaContext
	status int
}

// SetStatus sends the corrected status if there is one.
func (f *statusFix) SetStatus(code int) {
	if f.status != 0 {
		code = f.status
	}
	f.humaContext.SetStatus(code)
}

// Header gives Accept a valid value: CSV if the request asks for it and the answer is a list, else JSON.
func (f *statusFix) Header(name string) string {
	v := f.humaContext.Header(name)
	if name != "Accept" {
		return v
	}
	if list, _ := f.Operation().Metadata[listMark].(bool); list && (f.Query("format") == "csv" || f.Query("format") == "" && wantsCSV(v)) {
		return csvType
	}
	return jsonType
}

// wantsCSV reports whether a client's first choice is CSV.
func wantsCSV(accept string) bool {
	first, _, _ := strings.Cut(accept, ",")
	kind, _, _ := strings.Cut(first, ";")
	return strings.EqualFold(strings.TrimSpace(kind), csvType)
}

var _ interface{ Unwrap() huma.Context } = (*statusFix)(nil)

// Unwrap gives humago its own context back.
func (f *statusFix) Unwrap() huma.Context { return f.humaContext }

// translate is the huma transformer that turns every error document into one of ours.
func translate(ctx huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *Problem:
		p := e.complete(exchangeOf(ctx.Context()))
		if p.retryAfter > 0 {
			ctx.SetHeader("Retry-After", strconv.Itoa(p.retryAfter))
		}
		return p, nil
	case *huma.ErrorModel:
		p := fromHuma(e).complete(exchangeOf(ctx.Context()))
		if f, ok := ctx.(*statusFix); ok {
			f.status = p.Status
		}
		ctx.SetHeader("Content-Type", problemType) // always: a problem is never CSV
		return p, nil
	}
	return v, nil
}

// fromHuma reads huma's own findings about parameters. Its messages name the location and never repeat values.
func fromHuma(e *huma.ErrorModel) *Problem {
	if e.Status >= http.StatusInternalServerError {
		return problemOf(faultOf(refusal.Internal, e))
	}
	var fields []apiv1.FieldError
	for _, d := range e.Errors {
		if d != nil {
			fields = append(fields, apiv1.FieldError{Location: d.Location, Message: d.Message})
		}
	}
	if len(fields) == 0 {
		return problemOf(refuse.RequestNotValid())
	}
	p := problemOf(refuse.ParameterNotValid(fields[0].Location, fields[0].Message))
	p.Errors = fields
	return p
}
