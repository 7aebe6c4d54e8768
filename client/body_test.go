package client_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// schema is the part of an OpenAPI schema that the test reads.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // a name, or a list with null
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	OneOf      []schema          `json:"oneOf"`
	Additional json.RawMessage   `json:"additionalProperties"`
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

// calls are the operations of the API by their client methods.
func calls() map[string]any {
	type c = *client.Client
	return map[string]any{
		"account": c.Account, "statement": c.Statement, "plan-move-out": c.PlanMoveOut, "plan-move-in": c.PlanMoveIn, "move-out": c.MoveOut, "take-over-debts": c.TakeOver, "replace-provider-secrets": c.ReplaceProviderSecrets, "refund": c.Refund, "account-statement": c.AccountStatement, "wallet-statement": c.WalletStatement,
		"adjust": c.Adjust, "alarms": c.Alarms, "audit-log": c.AuditLog, "approvals": c.Approvals, "approval": c.Approval, "approve": c.Approve, "reject": rejecting,
		"charges": c.Charges, "add-charge": c.AddCharge, "trust-clock": c.TrustClock, "search": c.Search, "overview": c.Overview, "flats": c.Flats, "building-loss": c.BuildingLoss, "customers": c.Customers, "customer": c.Customer, "add-customer": c.AddCustomer,
		"change-customer": c.ChangeCustomer, "confirm-phone": c.ConfirmPhone, "confirm-sim": c.ConfirmSIM, "debts": c.Debts, "raise-debt": c.RaiseDebt, "write-off-debt": c.WriteOffDebt,
		"head": c.Head, "ledger-accounts": c.LedgerAccounts, "ledger-balance": c.LedgerBalance, "journals": c.Journals, "export-ledger": exporting, "trial-balance": c.TrialBalance,
		"message-routes": c.MessageRoutes, "messages": c.Messages, "send-message": c.SendMessage, "message": c.Message, "retry-message": c.RetryMessage,
		"page-link": c.PageLink, "make-page-link": c.MakePageLink, "revoke-page-link": c.RevokePageLink, "replace-meter-password": c.ReplaceMeterPassword, "end-meter-password": c.EndMeterPassword,
		"remove-meter": c.RemoveMeter, "scrap-meter": c.ScrapMeter, "start-link-key": c.StartLinkKey, "finish-link-key": c.FinishLinkKey, "cancel-link-key": c.CancelLinkKey, "meters": c.Meters, "add-meter": c.AddMeter, "meter": c.Meter, "change-meter": c.ChangeMeter,
		"send-command": c.SendCommand, "command": c.Command, "cut-supply": c.CutSupply, "restore-supply": c.RestoreSupply, "supply": c.Supply,
		"set-supply": c.SetSupply, "meter-config": c.MeterConfig, "set-meter-config": c.SetMeterConfig, "emergency-supply": c.RestoreInEmergency, "device": c.Device, "devices": c.Devices, "unknown-devices": c.UnknownDevices, "adopt-device": c.AdoptDevice, "release-device": c.ReleaseDevice, "replace-device": c.ReplaceDevice,
		"device-password": c.NewDevicePassword, "open-devices": c.DropDevicePassword, "send-summary": c.SendSummary, "toggle-device": c.ToggleDevice, "events": c.Events,
		"move-in": c.MoveIn, "readings": c.Readings, "rebase-meter": c.RebaseMeter, "recharge": c.Recharge,
		"recharge-state": c.RechargeState, "set-sim": c.SetSIM, "tokens": c.Tokens, "give-tokens": c.GiveTokens, "plan-key-change": c.PlanKeyChange, "confirm-key-change": c.ConfirmKeyChange, "cancel-key-change": c.CancelKeyChange, "swap": c.SwapFacts, "plan-swap": c.PlanSwap, "swap-meter": c.SwapMeter, "usage": c.Usage, "timeline": c.Timeline,
		"plan-tariff-change": c.PlanTariffChange, "change-tariff": c.ChangeTariff, "account-tariffs": c.AccountTariffs,
		"quarantine": c.Quarantine, "accept-quarantined": deciding("accept"), "discard-quarantined": deciding("discard"),
		"rebase-quarantined": rebasing, "daily-report": c.DailyReport, "registers": c.Registers, "settings": c.Settings,
		"change-settings": c.ChangeSettings, "simulate-tariff": c.SimulateTariff, "tariffs": c.Tariffs, "publish-tariff": c.CreateTariff,
		"tariff-versions": c.TariffVersions, "publish-tariff-version": c.CreateTariffVersion, "plan-tariff-correction": c.PlanTariffCorrection, "withdraw-tariff-version": c.WithdrawTariffVersion, "diagnose-token": c.DiagnoseToken, "quote": c.Quote,
		"vendors": c.Vendors, "add-vendor": c.AddVendor, "vendor": c.Vendor, "deposit": c.Deposit, "vendor-statement": c.VendorStatement, "vendor-settlement": c.VendorSettlement,
		"vendor-terms": c.SetVendorTerms, "sales": c.Vends, "sell": c.Vend, "sale": c.VendByID, "explain": c.Explain,
		"people": c.People, "invite-person": c.Invite, "person-role": c.SetPersonRole, "block-person": c.BlockPerson, "unblock-person": c.UnblockPerson,
		"reset-person": c.ResetPerson, "confirm-person": c.ConfirmPerson, "sessions": c.Sessions, "end-sessions": c.EndSessions,
		"counter-devices": c.CounterDevices, "revoke-device": c.RevokeDevice, "own": c.Owns, "record-own": c.RecordOwn, "end-own": c.EndOwn,
		"open-shift": c.OpenShift, "close-shift": c.CloseShift, "pay-out-shift": c.PayOutShift, "shifts": c.Shifts, "shift-report": c.ShiftReport,
		"payments": c.Payments, "payment": c.Payment, "apply-payment": c.ApplyPayment, "refund-payment": c.RefundPayment, "reject-payment": c.RejectPayment,
		"voucher-batches": c.VoucherBatches, "voucher-batch": c.VoucherBatch, "make-vouchers": c.MakeVouchers, "take-voucher-pins": c.TakeVoucherPins, "sell-vouchers": c.SellVouchers, "end-vouchers": c.EndVouchers, "redeem-voucher": c.RedeemVoucher, "show-voucher-codes": c.VoucherCodes, "reissue-voucher-codes": c.ReissueVoucherCodes,
		"payment-requests": c.PaymentRequests, "payment-request": c.PaymentRequest, "request-payment": c.RequestPayment,
		"upload-statement": c.UploadStatement, "reconciliations": c.Reconciliations, "reconcile": c.Reconcile, "differences": c.Differences, "statement-files": c.StatementFiles,
		"close-difference": c.CloseDifference, "assign-difference": c.AssignDifference, "difference-call": c.DifferenceCall, "read-difference-call": c.ReadDifferenceCall,
		"payment-providers": c.PaymentProviders, "add-payment-provider": c.AddPaymentProvider, "enable-payment-provider": c.EnablePaymentProvider, "disable-payment-provider": c.DisablePaymentProvider, "register-payment-provider": c.RegisterPaymentProvider,
		"webhooks": c.Webhooks, "add-webhook": c.AddWebhook, "enable-webhook": c.EnableWebhook, "disable-webhook": c.DisableWebhook, "rotate-webhook": c.RotateWebhook,
		"remove-webhook": c.RemoveWebhook, "test-webhook": c.TestWebhook, "webhook-deliveries": c.WebhookDeliveries, "resend-delivery": c.ResendDelivery, "recover-webhook": c.RecoverWebhook,
		"close-day": c.CloseDay, "open-day": c.OpenDay, "closed-days": c.ClosedDays, "closed-day": c.ClosedDay,
		"import": c.Import, "imports": c.Imports, "import-result": c.ImportResult, "undo-import": c.UndoImport,
		"keys": c.Keys, "create-key": c.CreateKey, "rotate-key": c.RotateKey, "revoke-key": c.RevokeKey,
		"receipt": c.ProvenReceipt, "reprint": c.Reprint, "reversal": c.Reversal, "reverse": c.Reverse, "version": c.Version, "readyz": c.Ready,
	}
}

func rejecting(c *client.Client, ctx context.Context, approval, reason string) (apiv1.Approval, error) {
	return c.Decide(ctx, approval, false, reason)
}

func rebasing(c *client.Client, ctx context.Context, entry string, d apiv1.Rebase) (apiv1.QuarantineResult, error) {
	return c.DecideQuarantined(ctx, entry, "rebase", d)
}

func exporting(c *client.Client, ctx context.Context, f client.LedgerExport) error {
	return c.ExportLedger(ctx, f, io.Discard)
}

// deciding is a decision without a register.
func deciding(choice string) any {
	return func(c *client.Client, ctx context.Context, entry, reason string) (apiv1.QuarantineResult, error) {
		return c.DecideQuarantined(ctx, entry, choice, apiv1.Rebase{Reason: reason})
	}
}

// bodies are the answers of operations whose client method returns another type, and of operations without a client method. The test
// compares the name of the type with the name of the schema, and internal/api compares each schema with its type in api/apiv1.
func bodies() map[string]any {
	return map[string]any{
		"account-balance": apiv1.AccountBalance{}, "commands": apiv1.List[apiv1.Command]{}, "sales": apiv1.List[apiv1.Sale]{}, "float": apiv1.Float{},
		"happenings": apiv1.Happening{}, "livez": apiv1.Live{}, "quarantined": apiv1.Quarantined{},
		"reprint": apiv1.Receipt{}, "trust-clock": apiv1.Clock{},
	}
}

// TestTheClientHasEveryFieldOfTheDocument checks that the client and the OpenAPI document agree. Each property of a body must have a field
// in the type that the client sends or returns, and each field must have a property.
func TestTheClientHasEveryFieldOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../internal/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	c := comparer{t: t, seen: map[string]bool{}}
	if err := json.Unmarshal(text, &c.doc); err != nil {
		t.Fatal(err)
	}
	methods, types := calls(), bodies()
	for path, item := range c.doc.Paths {
		for method, op := range item {
			where := strings.ToUpper(method) + " " + path
			call, result := methods[op.OperationID], reflect.TypeOf(types[op.OperationID])
			if call != nil {
				c.request(where, op, call)
				if result == nil {
					result = reflect.TypeOf(call).Out(0)
				}
			}
			c.answers(where, op, result)
			delete(methods, op.OperationID)
			delete(types, op.OperationID)
		}
	}
	for name := range c.doc.Components.Schemas {
		if !c.seen[name] {
			t.Errorf("schema %s was compared with no type", name)
		}
	}
	if len(methods)+len(types) > 0 {
		t.Errorf("the document has no operations %v %v", slices.Collect(maps.Keys(methods)), slices.Collect(maps.Keys(types)))
	}
}

type comparer struct {
	t    *testing.T
	doc  document
	seen map[string]bool // names of the schemas already compared
}

// request calls a client method with every argument filled. It must call the operation, with a body that has each property.
func (c comparer) request(where string, op operation, method any) {
	var asked string
	var body any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, body = r.Method+" "+r.URL.Path, nil
		if r.ContentLength != 0 && r.Header.Get("Content-Type") == "application/json" {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				c.t.Errorf("%s: the body is no JSON: %v", where, err)
			}
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	api, err := client.New(server.URL, "pk_x", client.Config{})
	if err != nil {
		c.t.Fatal(err)
	}
	f := reflect.ValueOf(method)
	args := []reflect.Value{reflect.ValueOf(api), reflect.ValueOf(c.t.Context())}
	for i := 2; i < f.Type().NumIn(); i++ {
		v := reflect.New(f.Type().In(i)).Elem()
		fill(v)
		args = append(args, v)
	}
	f.Call(args)
	if !regexp.MustCompile("^" + regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(where, "[^/]+") + "$").MatchString(asked) {
		c.t.Errorf("the method of %s asks %q", where, asked)
	}
	s, takes := op.RequestBody.Content["application/json"]
	if takes != (body != nil) {
		c.t.Errorf("%s takes a body: %v, and the client sends %v", where, takes, body)
	} else if takes {
		c.sent(where, s.Schema, body)
	}
}

// sent compares a body that the client sent with its schema.
func (c comparer) sent(where string, s schema, body any) {
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		c.seen[name] = true
		s = c.doc.Components.Schemas[name]
	}
	switch v := body.(type) {
	case []any:
		c.sent(where+"[]", *s.Items, v[0])
	case map[string]any:
		if string(s.Additional) != "false" { // the schema is a map
			return
		}
		for name, p := range s.Properties {
			if v[name] == nil {
				c.t.Errorf("%s.%s is in the document, and the client does not send it", where, name)
				continue
			}
			c.sent(where+"."+name, p, v[name])
		}
		for name := range v {
			if _, ok := s.Properties[name]; !ok {
				c.t.Errorf("the client sends %s.%s, which is not in the document", where, name)
			}
		}
	}
}

// fill sets every field of a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		one := reflect.New(v.Type().Elem()).Elem()
		if fill(one); one.Kind() == reflect.Interface {
			one.Set(reflect.ValueOf(true))
		}
		v.SetMapIndex(reflect.ValueOf("x"), one)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// answers compares the bodies of an operation's answers with Go types. A success has the type of the method's result, a 202
// may have an approval instead, and a problem has the client's Problem. An answer that is not JSON is text.
func (c comparer) answers(where string, op operation, result reflect.Type) {
	for status, r := range op.Responses {
		for kind, of := range r.Content {
			all := of.Schema.OneOf
			if all == nil {
				all = []schema{of.Schema}
			}
			for _, s := range all {
				switch {
				case s.Ref == "":
					if file := kind == "application/pdf" || kind == "application/octet-stream"; !strings.HasPrefix(kind, "text/") && !file || s.Type != "string" {
						c.t.Errorf("%s answers %s with %s that has no schema of its own", where, status, kind)
					}
				case kind == "application/problem+json":
					c.compare(where+" problem", s, reflect.TypeFor[client.Problem]())
				case s.Ref == "#/components/schemas/Approval" && status == "202":
					c.compare(where+" 202", s, reflect.TypeOf(client.Waiting{}.Approval))
				case result == nil:
					c.t.Errorf("%s answers with a body, and neither calls() nor bodies() has it", where)
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
		if is := nameOf(t); is != name {
			c.t.Errorf("%s is %s in the document and %s in the client", where, name, is)
		}
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

// nameOf returns the document's name of a type of api/apiv1, also if a type of package client embeds it.
func nameOf(t reflect.Type) string {
	if t.PkgPath() == reflect.TypeFor[client.Problem]().PkgPath() && t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Anonymous {
		t = t.Field(0).Type
	}
	list, row, ok := strings.Cut(strings.TrimSuffix(t.Name(), "]"), "[")
	if !ok {
		return list
	}
	return list + row[strings.LastIndex(row, ".")+1:]
}

func kindsOf(t any) string {
	text, _ := json.Marshal(t)
	return string(text)
}

// kindOf returns the JSON type of a Go type, empty if any will do.
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

// fieldsOf returns the fields of a struct by their JSON names, including those of embedded structs.
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
