package api_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tier"
)

// secretFields names, for every function of internal/api that reveals a secret, the fields of the answer that show it. With them the tests
// find the operations that show a secret, so a new function or field makes TestALimitedKeyIsShownNoSecretThatLasts ask for a decision.
func secretFields() map[string][]string {
	return map[string][]string{
		"adoptionRoutes": {"DevicePassword.password"},
		"decide":         {"Approval.secret"},
		"passwordOf":     {"MeterPassword.mqtt_password"},
		"passwordAgain":  nil, // only asks whether there is a password
		"madeKey":        {"Key.key"},
		"digitsOf":       {"Token.digits", "MeterToken.digits", "ReceiptToken.digits"},
		"addedOf":        {"AddedMeter.mqtt_password", "AddedMeter.link_key", "AddedMeter.decoder_key"},
		"diagnosisOf":    {"Typing.meant"},
		"changedPerson":  {"Person.invite_url"},
		"importOf":       {"ImportResult.mqtt_password", "ImportResult.link_key"},
		"codesOf":        {"VoucherCode.code"},
		"takePINs":       {"VoucherPin.pin"},
		"makePageLink":   {"PageLink.address"},
		"withSecret":     {"PaymentProvider.secret"},
		"hookAddress":    {"PaymentProvider.path", "Approval.address"},
		"webhookOf":      {"Webhook.secret"},
		"linkKeyOf":      {"LinkKey.link_key"},
	}
}

// TestEveryFunctionThatRevealsASecretNamesItsFields: secretFields has every function of internal/api that reveals a secret.
func TestEveryFunctionThatRevealsASecretNamesItsFields(t *testing.T) {
	left := secretFields()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !reveals(fn) {
				continue
			}
			if _, known := secretFields()[fn.Name.Name]; !known {
				t.Errorf("%s reveals a secret: name the fields of its answer in secretFields", fn.Name.Name)
			}
			delete(left, fn.Name.Name)
		}
	}
	for name := range left {
		t.Errorf("%s reveals no secret: take it out of secretFields", name)
	}
	schemas := schemasOf(t)
	for _, fields := range secretFields() {
		for _, f := range fields {
			name, property, _ := strings.Cut(f, ".")
			if _, has := schemas[name].Properties[property]; !has {
				t.Errorf("the API has no field %s", f)
			}
		}
	}
}

// reveals reports whether a function calls a method that reveals a secret.
func reveals(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Reveal") {
			found = true
		}
		return !found
	})
	return found
}

// schema is what the tests read of a schema of the OpenAPI document.
type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]schema
	Items      *schema
	OneOf      []schema
}

// schemas are the named schemas of the document.
type schemas map[string]schema

func schemasOf(t *testing.T) schemas {
	t.Helper()
	out := schemas{}
	for name, raw := range spec(t).Components.Schemas {
		out[name] = decode[schema](t, answer{body: raw})
	}
	return out
}

// secretsIn lists the fields of secretFields that a value of a schema shows. Without a value it lists those that the schema has.
func (all schemas) secretsIn(s schema, value any) []string {
	found := map[string]bool{}
	secret := map[string]bool{}
	for _, fields := range secretFields() {
		for _, f := range fields {
			secret[f] = true
		}
	}
	visited := map[string]bool{}
	var walk func(s schema, name string, value any)
	walk = func(s schema, name string, in any) {
		if s.Ref != "" {
			name = s.Ref[strings.LastIndex(s.Ref, "/")+1:]
			if value == nil && visited[name] {
				return // a schema may contain itself
			}
			visited[name] = true
			s = all[name]
		}
		for _, one := range s.OneOf {
			walk(one, name, in)
		}
		if s.Items != nil {
			items, _ := in.([]any)
			if value == nil {
				items = []any{nil}
			}
			for _, item := range items {
				walk(*s.Items, name, item)
			}
		}
		fields, _ := in.(map[string]any)
		for property, of := range s.Properties {
			inner, has := fields[property]
			if value != nil && !has {
				continue
			}
			if secret[name+"."+property] && (value == nil || isShown(inner)) {
				found[name+"."+property] = true
			}
			walk(of, "", inner)
		}
	}
	walk(s, "", value)
	return slices.Sorted(maps.Keys(found))
}

// isShown reports whether a field has a secret. Digits that somebody may not see are masked.
func isShown(value any) bool {
	switch v := value.(type) {
	case string:
		return v != "" && !strings.Contains(v, "*")
	case []any:
		return slices.ContainsFunc(v, isShown)
	}
	return false
}

// answersOf returns the schemas of the answers of every operation to a request that was carried out, by the operation's identity. A request that
// waits for a second person has shown nothing yet.
func answersOf(t *testing.T) map[string]schema {
	t.Helper()
	out := map[string]schema{}
	for _, methods := range spec(t).Paths {
		for _, raw := range methods {
			var o struct {
				OperationID string
				Responses   map[string]struct {
					Content map[string]struct{ Schema schema }
				}
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			var all schema
			for status, r := range o.Responses {
				content, has := r.Content["application/json"]
				waits := status == "202" && content.Schema.Ref == "#/components/schemas/Approval"
				if has && strings.HasPrefix(status, "2") && !waits {
					all.OneOf = append(all.OneOf, content.Schema)
				}
			}
			out[o.OperationID] = all
		}
	}
	return out
}

// limitedKeys makes keys of an owner: one without limits, and the limited ones, by what limits them.
func (s *stage) limitedKeys() (wide string, limited map[string]string) {
	s.t.Helper()
	person := s.holder(s.folder)
	issue := func(end time.Time, from ...string) string {
		made, err := s.folder.Access.CreateAPIKey(s.t.Context(), app.Clerk(), access.NewKey{Role: access.Owner, Person: person, ExpiresAt: end, From: from})
		if err != nil || made.Refused() {
			s.t.Fatal(made.Refusal, err)
		}
		return made.Secret.Reveal()
	}
	return issue(time.Time{}), map[string]string{
		"ends tomorrow":        issue(time.Now().Add(24 * time.Hour)),
		"works only from here": issue(time.Time{}, "127.0.0.1"),
	}
}

// showing replaces the calls of operations() with calls whose answers show a secret, and which a limited key may make.
func showing() map[string]valid {
	all := operations()
	limits := fmt.Sprintf(`{"role":"support","expires_at":%q,"from":["127.0.0.1"]}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	maps.Copy(all, map[string]valid{
		"create-key": post(access.ManageKeys, "/v1/keys", limits),
		"rotate-key": once(access.ManageKeys, "/v1/keys/{id}/rotate", `{}`, func(s *stage, _ bool) string {
			return decode[struct{ ID string }](s.t, s.want(201, s.ask("POST", "/v1/keys", s.owner, limits))).ID
		}),
		"make-page-link": post(access.SendMessages, "/v1/meters/{wallet}/page-link", `{"show":true}`),
		"diagnose-token": {access.ReadVends, func(s *stage, _ bool) call {
			typed := []byte(s.digits[0])
			typed[9] = '0' + (typed[9]-'0'+1)%10 // one slip
			return call{"POST", "/v1/token-diagnoses", fmt.Sprintf(`{"digits":%q,"number":%q}`, typed, meterNumber)}
		}},
		"show-voucher-codes": once(access.Sell, "/v1/voucher-batches/{id}/codes", "{}", func(s *stage, _ bool) string {
			asked := s.key
			defer func() { s.key = asked }()
			s.key = s.owner // only whoever sold them sees the codes again
			return s.codedVouchers(false)
		}),
		"swap-meter": {access.IssueTokens, func(s *stage, _ bool) call { // tokens bring what is left in the old meter
			body := strings.Replace(stocked(s), `"balance_wh":0`, `"balance_wh":1000`, 1)
			number := s.added("prepay_token")
			s.do(201, "POST", "/v1/vends", strings.Replace(order("1000"), meterNumber, number, 1))
			return call{"POST", "/v1/meters/" + number + "/swap", body}
		}},
		"sell-vouchers": once(access.Sell, "/v1/voucher-batches/{id}/sell", "{}", func(s *stage, _ bool) string {
			made := decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/voucher-batches",
				`{"count":2,"face_minor":500,"expires":"`+voucherEnd()+`","requires_code":true}`)).ID
			s.do(200, "POST", "/v1/voucher-batches/"+made+"/pins", "{}")
			return made
		}),
	})
	return all
}

// TestALimitedKeyIsShownNoSecretThatLasts: every operation whose answer shows a secret is in the table of internal/access/secretkinds.go. A key
// that ends tomorrow, or works only from some networks, is refused, or the table says why not. A key without limits is shown every secret.
func TestALimitedKeyIsShownNoSecretThatLasts(t *testing.T) {
	tier.Slow(t)
	s := setStage(t)
	wide, limited := s.limitedKeys()
	s.owner = wide
	elsewhere := map[string]string{ // these show a secret only where four eyes apply, or applied
		"approve":                 "TestALimitedKeyApprovesNoSecretThatLasts",
		"enable-payment-provider": "TestALimitedKeyApprovesNoSecretThatLasts",
	}
	decided, may := map[string]bool{}, map[string]bool{}
	for _, r := range access.SecretRules() {
		for _, name := range r.Operations {
			decided[name] = true
			may[name] = r.Why != ""
		}
	}
	all, answers, calls := schemasOf(t), answersOf(t), showing()
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		of := answers[name]
		if len(all.secretsIn(of, nil)) == 0 || elsewhere[name] != "" {
			if elsewhere[name] == "" && decided[name] {
				t.Errorf("%s shows no secret: take it out of the table", name)
			}
			continue
		}
		shows := func(key string) (answer, []string) {
			a := s.send(calls[name].call(s, false), key)
			var body any
			if a.status < 300 {
				if err := json.Unmarshal(a.body, &body); err != nil {
					t.Fatalf("%s: %v: %s", name, err, a.body)
				}
			}
			return a, all.secretsIn(of, body)
		}
		a, fields := shows(wide)
		switch {
		case a.status >= 300:
			t.Errorf("%s with a key without limits: got %d: %s", name, a.status, a.body)
			continue
		case len(fields) > 0 && !decided[name]:
			t.Errorf("%s shows %s: say in internal/access/secretkinds.go whether a limited key may be shown it", name, fields)
		case len(fields) == 0 && decided[name]:
			t.Errorf("%s shows no secret to a key without limits: %s", name, a.body)
		}
		if !decided[name] {
			continue
		}
		for limit, key := range limited {
			a, fields := shows(key)
			if may[name] && (a.status >= 300 || len(fields) == 0) {
				t.Errorf("%s with a key that %s: got %d, want the secret: %s", name, limit, a.status, a.body)
			}
			if !may[name] {
				s.wantLimited(name+" with a key that "+limit, a)
			}
		}
	}
}

// wantLimited checks the refusal of a limited key.
func (w *world) wantLimited(what string, a answer) {
	w.t.Helper()
	var p apiv1.Problem
	if a.status == 403 {
		if err := json.Unmarshal(a.body, &p); err != nil {
			w.t.Fatal(err)
		}
	}
	if !strings.Contains(p.Detail, refuse.KeyGivesNoRights().What) {
		w.t.Errorf("%s: got %d, want the refusal of a limited key: %s", what, a.status, a.body)
	}
}

// TestALimitedKeyApprovesNoSecretThatLasts: whoever approves an action is shown its secret, so a limited key does not approve it. The request
// still waits, and the same person can approve it with a key without limits.
func TestALimitedKeyApprovesNoSecretThatLasts(t *testing.T) {
	tier.Slow(t)
	s := setStage(t)
	wide, limited := s.limitedKeys()
	meter, provider := s.added("prepay_wallet"), s.provider(false)
	s.do(201, "POST", "/v1/meters/"+meter+"/link-key", `{}`) // a first next link key needs no second person
	s.fourEyes(true)
	drawn := `{"name":"%s","kind":"webhook","max_single_minor":100,"max_daily_minor":1000}`
	all, of := schemasOf(t), schema{Ref: "/Approval"}
	tried := map[access.SecretKind]bool{}
	for _, c := range []struct {
		act  access.Act
		kind access.SecretKind
		ask  call
	}{
		{access.ActPassword, access.SecretMeterPassword, call{"POST", "/v1/meters/" + meter + "/password", `{}`}},
		{access.ActLinkKey, access.SecretLinkKey, call{"POST", "/v1/meters/" + meter + "/link-key", `{}`}},
		{access.ActProviderSecret, access.SecretProvider, call{"POST", "/v1/payment-providers/" + provider + "/secrets", `{}`}},
		{access.ActProvider, access.SecretProvider, call{"POST", "/v1/payment-providers", fmt.Sprintf(drawn, "drawn-1")}},
	} {
		tried[c.kind] = true
		if a := s.send(c.ask, s.key); a.status != 201 && a.status != 202 {
			t.Fatalf("%s: got %d: %s", c.act, a.status, a.body)
		}
		waits := decode[struct{ Data []approval }](t, s.do(200, "GET", "/v1/approvals?state=waiting", "")).Data[0]
		if waits.Act != string(c.act) {
			t.Fatalf("%s waits, want %s", waits.Act, c.act)
		}
		approve := call{"POST", "/v1/approvals/" + waits.ID + "/approve", `{}`}
		for limit, key := range limited {
			s.wantLimited(string(c.act)+" approved with a key that "+limit, s.send(approve, key))
		}
		if shown := all.secretsIn(of, decode[any](t, s.want(200, s.send(approve, wide)))); len(shown) == 0 {
			t.Errorf("%s: the approval with a key without limits shows no secret", c.act)
		}
	}
	for _, r := range access.SecretRules() {
		if slices.Contains(r.Operations, "approve") && r.Why == "" && !tried[r.Kind] {
			t.Errorf("no approval here shows the %s", r.Kind)
		}
	}

	s.do(201, "POST", "/v1/payment-providers", fmt.Sprintf(drawn, "drawn-2"))
	s.fourEyes(false)
	enable := call{"POST", "/v1/payment-providers/drawn-2/enable", `{}`}
	for limit, key := range limited {
		s.wantLimited("enable-payment-provider with a key that "+limit, s.send(enable, key))
	}
	if shown := all.secretsIn(schema{Ref: "/PaymentProvider"}, decode[any](t, s.want(200, s.send(enable, wide)))); len(shown) == 0 {
		t.Error("enable-payment-provider shows no secret to a key without limits")
	}
}
