package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/report"
)

// TestWithoutARateEverythingIsAllowed: without a rate the limiter allows every request and remembers no address.
func TestWithoutARateEverythingIsAllowed(t *testing.T) {
	l := newLimiter(0, 0, 1, time.Now)
	for range 3 {
		if !l.allow(netip.MustParseAddr("192.0.2.1")) {
			t.Fatal("refused without a limit")
		}
	}
	if len(l.byIP) != 0 {
		t.Errorf("%d addresses remembered", len(l.byIP))
	}
}

// TestThePageOfAnOperation names the body only if it is JSON, and lists answers in the order of their codes.
func TestThePageOfAnOperation(t *testing.T) {
	ref := func(name string) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{Ref: "#/components/schemas/" + name}}}
	}
	op := &huma.Operation{OperationID: "sell", Method: "POST", Summary: "Sell", Description: "Sells.", Parameters: []*huma.Param{{Name: "limit", In: "query", Description: "How many", Required: true}},
		RequestBody: &huma.RequestBody{Content: ref("Order")}, Responses: map[string]*huma.Response{"409": {Description: "Refused"}, "201": {Description: "Sold", Content: ref("Sale")}}}
	d := docsOf("/v1/vends", op)
	if d.ID != "sell" || d.Method != "POST" || d.Path != "/v1/vends" || d.Summary != "Sell" || d.Description != "Sells." || d.Body != "Order" ||
		len(d.Params) != 1 || d.Params[0] != (docsField{Name: "limit", Kind: "query", Text: "How many", Required: true}) ||
		len(d.Answers) != 2 || d.Answers[0] != (docsAnswer{Status: "201", Text: "Sold", Schema: "Sale"}) || d.Answers[1] != (docsAnswer{Status: "409", Text: "Refused"}) {
		t.Errorf("%+v", d)
	}
	op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"text/plain": {}}}
	if d := docsOf("/v1/vends", op); d.Body != "" {
		t.Errorf("a body of text is named %q", d.Body)
	}
}

// TestWhatHumaFindsIsAProblem: huma's error becomes a problem, which gives the location of each finding.
func TestWhatHumaFindsIsAProblem(t *testing.T) {
	p := fromHuma(&huma.ErrorModel{Status: 422, Errors: []*huma.ErrorDetail{nil, {Location: "query.limit", Message: "expected integer", Value: "secret"}}})
	if p.Code != string(refusal.InvalidRequest) || len(p.Errors) != 1 || p.Errors[0] != (apiv1.FieldError{Location: "query.limit", Message: "expected integer"}) ||
		p.Detail != "The request is not valid: query.limit: expected integer. No changes were made. See /docs for what this path takes." {
		t.Errorf("%+v", p)
	}
	if p := fromHuma(&huma.ErrorModel{Status: 422}); p.Detail != "The request is not valid. No changes were made. See /docs for what this path takes." || len(p.Errors) != 0 {
		t.Errorf("%+v", p)
	}
	if p := fromHuma(&huma.ErrorModel{Status: 500, Detail: "secret"}); p.Code != string(refusal.Internal) || strings.Contains(p.Detail, "secret") {
		t.Errorf("%+v", p)
	}
}

// TestABrokenSaleSaysWhetherMoneyMoved: the problem of a broken sale says whether money moved. The problem of any other broken request does
// not mention money.
func TestABrokenSaleSaysWhetherMoneyMoved(t *testing.T) {
	for code, want := range map[refusal.Code]string{
		refusal.StorageUnavailable: "The request was not carried out and no money moved.",
		refusal.OutcomeUnknown:     "It is not known whether money moved.",
	} {
		a := &API{c: Config{Fault: func(error) refusal.Code { return code }, Log: slog.New(slog.DiscardHandler)}}
		for _, sale := range []bool{true, false} {
			p := a.problemFor(withExchange(context.Background(), &exchange{sale: sale}), errors.New("disk /var/secret"))
			if strings.Contains(p.Detail, want) != sale || strings.Contains(p.Detail, "secret") || p.Code != string(code) {
				t.Errorf("%s of a sale %t: %q, want it to say %q", code, sale, p.Detail, want)
			}
		}
	}
}

// deaf is a reader whose connection is broken.
type deaf struct{ http.ResponseWriter }

func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestEventsEndWithTheReader: rows are sent until a row cannot be written.
func TestEventsEndWithTheReader(t *testing.T) {
	f := report.Feed{Rows: []report.FeedEvent{{Pos: 7, Type: "vend.completed"}, {Pos: 8, Type: "vend.reversed"}}}
	w := httptest.NewRecorder()
	if !(sender{w, http.NewResponseController(w)}).rows(f) || !strings.HasPrefix(w.Body.String(), "id: 7\nevent: vend.completed\ndata: {") || strings.Count(w.Body.String(), "\n\n") != 2 {
		t.Errorf("sent %q", w.Body.String())
	}
	if (sender{deaf{w}, http.NewResponseController(w)}).rows(f) {
		t.Error("a broken connection is not noticed")
	}
}
