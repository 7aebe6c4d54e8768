package client_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// schema is what the test reads of a schema of the OpenAPI document.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // a name, or a list with null
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	OneOf      []schema          `json:"oneOf"`
}

type content map[string]struct{ Schema schema }

type operation struct {
	OperationID string `json:"operationId"`
	RequestBody struct{ Content content }
	Responses   map[string]struct{ Content content }
}

type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

// calls are the operations of the API by their client methods. What has no method has its answer's type.
func calls() map[string]any {
	type c = *client.Client
	return map[string]any{
		"account": c.Account, "account-balance": apiv1.AccountBalance{}, "move-out": c.MoveOut, "refund": c.Refund, "account-statement": c.AccountStatement,
		"wallet-statement": c.WalletStatement, "adjust": c.Adjust, "alarms": c.Alarms, "approvals": c.Approvals, "approve": c.Decide, "reject": c.Decide,
		"charges": c.Charges, "add-charge": c.AddCharge, "trust-clock": apiv1.Clock{}, "customers": c.Customers, "customer": c.Customer,
		"change-customer": c.ChangeCustomer, "debts": c.Debts, "raise-debt": c.RaiseDebt, "write-off-debt": c.WriteOffDebt, "happenings": apiv1.Happening{},
		"head": c.Head, "ledger-accounts": c.LedgerAccounts, "ledger-balance": c.LedgerBalance, "journals": c.Journals, "trial-balance": c.TrialBalance,
		"message-routes": c.MessageRoutes, "messages": c.Messages, "send-message": c.SendMessage, "message": c.Message, "retry-message": c.RetryMessage,
		"meters": c.Meters, "add-meter": c.AddMeter, "meter": c.Meter, "change-meter": c.ChangeMeter, "commands": apiv1.List[apiv1.Command]{},
		"send-command": c.SendCommand, "command": c.Command, "cut-supply": c.CutSupply, "restore-supply": c.RestoreSupply, "supply": c.Supply,
		"set-supply": c.SetSupply, "device": c.Device, "send-summary": c.SendSummary, "toggle-device": c.ToggleDevice, "events": c.Events,
		"plan-key-change": apiv1.KeyChange{}, "move-in": c.MoveIn, "readings": c.Readings, "rebase-meter": c.RebaseMeter, "recharge": c.Recharge,
		"recharge-state": c.RechargeState, "set-sim": c.SetSIM, "tokens": c.Tokens, "give-tokens": c.GiveTokens, "usage": c.Usage,
		"quarantine": c.Quarantine, "quarantined": apiv1.Quarantined{}, "accept-quarantined": c.DecideQuarantined, "discard-quarantined": c.DecideQuarantined,
		"rebase-quarantined": c.DecideQuarantined, "daily-report": c.DailyReport, "registers": c.Registers, "settings": c.Settings,
		"change-settings": c.ChangeSettings, "simulate-tariff": c.SimulateTariff, "tariffs": c.Tariffs, "publish-tariff": c.CreateTariff,
		"tariff-versions": c.TariffVersions, "publish-tariff-version": c.CreateTariffVersion, "diagnose-token": c.DiagnoseToken, "quote": c.Quote,
		"vendors": c.Vendors, "add-vendor": c.AddVendor, "vendor": c.Vendor, "deposit": c.Deposit, "float": apiv1.Float{}, "vendor-statement": c.VendorStatement,
		"vendor-terms": c.SetVendorTerms, "find-sales": apiv1.List[apiv1.Sale]{}, "sell": c.Vend, "sale": c.VendByID, "explain": c.Explain,
		"receipt": c.ProvenReceipt, "reprint": apiv1.Receipt{}, "reversal": c.Reversal, "reverse": c.Reverse, "version": c.Version, "livez": apiv1.Live{}, "readyz": c.Ready,
	}
}

// requests are the bodies that the client sends, beside those that are arguments of its methods.
func requests() map[string]any {
	return map[string]any{
		"move-out": apiv1.Reason{}, "approve": apiv1.Decision{}, "reject": apiv1.Decision{}, "trust-clock": apiv1.ClockTrust{}, "retry-message": apiv1.MessageRetry{},
		"cut-supply": apiv1.Reason{}, "restore-supply": apiv1.Reason{}, "toggle-device": apiv1.Reason{}, "plan-key-change": apiv1.NewKeyChange{},
		"rebase-meter": apiv1.Rebase{}, "set-sim": apiv1.SIM{}, "accept-quarantined": apiv1.Verdict{}, "discard-quarantined": apiv1.Verdict{},
		"diagnose-token": apiv1.NewDiagnosis{}, "quote": apiv1.NewQuote{}, "reverse": apiv1.NewReversal{}, "send-summary": struct{}{}, "reprint": struct{}{},
	}
}

// TestTheClientHasEveryFieldOfTheDocument holds each property of each body in the OpenAPI document against a field of the
// type that the client returns or sends, and the other way round.
func TestTheClientHasEveryFieldOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../internal/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	c := comparer{t: t, seen: map[string]bool{}}
	if err := json.Unmarshal(text, &c.doc); err != nil {
		t.Fatal(err)
	}
	methods, bodies := calls(), requests()
	for path, item := range c.doc.Paths {
		for method, op := range item {
			where := strings.ToUpper(method) + " " + path
			c.request(where, op, methods[op.OperationID], bodies[op.OperationID])
			c.answers(where, op, methods[op.OperationID])
		}
	}
	for name := range c.doc.Components.Schemas {
		if !c.seen[name] {
			t.Errorf("schema %s was compared with no type", name)
		}
	}
}

type comparer struct {
	t    *testing.T
	doc  document
	seen map[string]bool // schemas that were compared
}

// request compares the body that an operation takes with what the client sends.
func (c comparer) request(where string, op operation, method, body any) {
	s, ok := op.RequestBody.Content["application/json"]
	if !ok {
		return
	}
	sent := reflect.TypeOf(body)
	if m := reflect.TypeOf(method); sent == nil && m != nil && m.Kind() == reflect.Func {
		for i := range m.NumIn() {
			if in := m.In(i); in.PkgPath() == reflect.TypeFor[apiv1.Meter]().PkgPath() {
				sent = in
			}
		}
	}
	if sent == nil {
		c.t.Errorf("%s takes a body that the client does not send", where)
		return
	}
	c.compare(where+" request", s.Schema, sent)
}

// answers compares the bodies that an operation answers with: what was done with the method's result, a 202 that is another
// body with an approval, a problem with the client's.
func (c comparer) answers(where string, op operation, method any) {
	result := reflect.TypeOf(method)
	if result != nil && result.Kind() == reflect.Func {
		result = result.Out(0)
	}
	for status, r := range op.Responses {
		for kind, of := range r.Content {
			all := append([]schema{of.Schema}, of.Schema.OneOf...)
			for _, s := range slices.DeleteFunc(all, func(s schema) bool { return s.Ref == "" }) {
				switch {
				case kind == "application/problem+json":
					c.compare(where+" problem", s, reflect.TypeFor[client.Problem]())
				case s.Ref == "#/components/schemas/Approval" && status == "202":
					c.compare(where+" 202", s, reflect.TypeOf(client.Waiting{}.Approval))
				case result == nil:
					c.t.Errorf("%s answers with a body, and calls() has no method or type for it", where)
				default:
					c.compare(where+" "+status, s, result)
				}
			}
		}
	}
}

// compare compares a schema with a Go type, field by field.
func (c comparer) compare(where string, s schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		if key := name + " " + t.String(); c.seen[key] {
			return
		} else {
			c.seen[key], c.seen[name] = true, true
		}
		s = c.doc.Components.Schemas[name]
	}
	if want := kindOf(t); want != "" && !strings.Contains(kindsOf(s.Type), want) {
		c.t.Errorf("%s is %v in the document and %s in the client", where, s.Type, t)
	}
	switch {
	case s.Items != nil && t.Kind() == reflect.Slice:
		c.compare(where+"[]", *s.Items, t.Elem())
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		fields := fieldsOf(t)
		for name, p := range s.Properties {
			if f, ok := fields[name]; ok {
				c.compare(where+"."+name, p, f)
			} else {
				c.t.Errorf("%s.%s is in the document and not in %s", where, name, t)
			}
		}
		for name := range fields {
			if _, ok := s.Properties[name]; !ok {
				c.t.Errorf("%s.%s is in %s and not in the document", where, name, t)
			}
		}
	}
}

func kindsOf(t any) string {
	text, _ := json.Marshal(t)
	return string(text)
}

// kindOf is the JSON type of a Go type, empty where any will do.
func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return ""
	case t == reflect.TypeFor[time.Time](), t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Slice:
		return "array"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "object"
	}
	return "integer"
}

// fieldsOf are the fields of a struct by their names in JSON, those of embedded structs among them.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}
