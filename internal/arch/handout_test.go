package arch_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// A function that opens a secret and has no row on the page of credentials has one of these reasons.
const (
	goods = "a token is goods: it gives no right, and works once, in one meter" // so it has no row
	keeps = "it compares, hashes or seals the secret, and hands nothing out"
)

// handout is a function that opens a secret to show it to somebody, to send it or to write it into a file.
type handout struct {
	why  string
	rows []string // the rows of docs/operate/credentials.md that say how what it hands out is replaced and ended
	// exempt is why there is no row.
	exempt string
}

// shows is a function that hands out credentials.
func shows(why string, rows ...string) handout { return handout{why: why, rows: rows} }

// opens is a function that opens a secret and hands out no credential.
func opens(why, exempt string) handout { return handout{why: why, exempt: exempt} }

// handouts names every function that opens a secret, by its file. The other functions of these files open none.
func handouts() map[string]handout {
	all := handoutsOfTheOffice()
	for where, h := range handoutsOfTheConsole() {
		all[where] = h
	}
	return all
}

// handoutsOfTheOffice are those of commands, the API, messages and paper.
func handoutsOfTheOffice() map[string]handout {
	return map[string]handout{
		"cmd/paywatt/apikey.go showKey":                shows("prints the key it made, once", "API key"),
		"cmd/paywatt/integration.go newIntegrationAdd": shows("prints the password of the login it made, once", "integration login"),
		"internal/access/totp.go CheckCode":            opens("computes the codes of a second factor", keeps),
		"internal/access/totp.go FactorURL":            shows("computes the QR code of a second factor", "second factor"),
		"internal/api/adoption.go adoptionRoutes":      shows("shows the password of the shared listener once, to the person who made it", "device password"),
		"internal/api/diagnosis.go diagnosisOf":        opens("shows a correction that was sold, to somebody who may see digits, after its audit row", goods),
		"internal/api/import.go importOf":              shows("shows the secrets of imported meters once, to the one who imported them", "meter password", "link key"),
		"internal/api/key.go madeKey":                  shows("shows a new API key once, to the one who made it", "API key"),
		"internal/api/linkkey.go linkKeyOf":            shows("shows the next link key of a meter once", "link key"),
		"internal/api/meter.go addedOf":                shows("the one answer that shows a meter's secrets", "meter password", "link key"),
		"internal/api/pagelink.go makePageLink":        shows("shows the address of a page to those who may see it", "customer link"),
		"internal/api/password.go passwordAgain":       opens("asks whether there is a password, for a repeated answer", keeps),
		"internal/api/password.go passwordOf":          shows("shows a meter's new password once, to the person who made or approved it", "meter password"),
		"internal/api/payment.go hookAddress":          shows("shows the address of a provider, once", "provider address"),
		"internal/api/payment.go withSecret":           shows("shows the signing secret that the server drew, once", "provider secret"),
		"internal/api/person.go changedPerson":         shows("shows a one-time link once, to the person who invited or reset somebody", "invitation"),
		"internal/api/token.go decide":                 shows("shows the secrets of an approved request to the second person, once", "provider secret"),
		"internal/api/vend.go digitsOf":                opens("renders the answer that is stored sealed in the sale's transaction and sent after it", goods),
		"internal/api/voucher.go codesOf":              shows("shows codes to those who may see them, after the audit row", "voucher code"),
		"internal/api/voucher.go takePINs":             shows("shows the PINs of vouchers once, to the one who takes them, after the audit row", "voucher PIN"),
		"internal/api/webhook.go webhookOf":            shows("shows the secret of a webhook once, to the person who made it", "webhook secret"),
		"internal/app/app.go SetupPath":                shows("writes the link that makes the first owner, for standard error", "setup link"),
		"internal/notify/template.go Render":           opens("writes the message that brings a token to its customer, when it is sent", goods),
		"internal/notify/work.go contents":             opens("looks whether there is an address to send", keeps),
		"internal/notify/work.go text":                 shows("writes a message when it is given to its route, and keeps the text nowhere", "customer link"),
		"internal/pagelink/link.go address":            shows("writes the address of a page", "customer link"),
		"internal/pagelink/link.go proves":             opens("compares a link with its sealed copy", keeps),
		"internal/pagelink/links.go Pay":               shows("writes the address of a page on which somebody pays, which shows nothing of the account", "payment link"),
		"internal/print/sheet.go tokens":               opens("writes what receipt.go reveals, as text, PDF and for printers", goods),
		"internal/print/sms.go SMS":                    opens("writes what receipt.go reveals", goods),
		"internal/receipt/json.go Document":            opens("writes what receipt.go reveals", goods),
		"internal/receipt/receipt.go Reveal":           opens("prints a token that the use case gave to somebody who may see it", goods),
	}
}

// handoutsOfTheConsole are those of pages.
func handoutsOfTheConsole() map[string]handout {
	return map[string]handout{
		"internal/web/console/approvals.go codeLines":               shows("shows new codes once, in the answer to the approval", "voucher code"),
		"internal/web/console/approvals.go drawnLines":              shows("shows what the server drew for a provider, once", "provider secret", "provider address"),
		"internal/web/console/approvals.go secretsOf":               shows("shows the secrets of a meter once, in the answer to the approval", "link key", "meter password"),
		"internal/web/console/device.go pin":                        shows("sets the session cookie", "session"),
		"internal/web/console/device.go registerDevice":             shows("sets the cookie of a counter device", "PIN of a device"),
		"internal/web/console/doctor.go answer":                     opens("shows which token was meant to somebody who may see digits", goods),
		"internal/web/console/factor.go appPage":                    shows("shows a new second factor to its person, until it is in use", "second factor"),
		"internal/web/console/factor.go askAgain":                   shows("shows a new second factor to its person again, after a wrong code", "second factor"),
		"internal/web/console/factor.go code":                       shows("sets the session cookie", "session"),
		"internal/web/console/factor.go entered":                    shows("shows recovery codes to their person, once", "second factor"),
		"internal/web/console/flats.go doors":                       shows("prints the addresses of the pages that pay for flats, for their doors", "payment link"),
		"internal/web/console/flatsnew.go addedFlats":               shows("shows the addresses of new tenants' pages to those who may see them", "customer link"),
		"internal/web/console/import.go secretList":                 shows("shows the secrets of imported meters once, to the one who imported them", "meter password", "link key"),
		"internal/web/console/integrations.go addIntegration":       shows("shows the password of a login once, to the person who made it", "integration login"),
		"internal/web/console/keys.go showSecret":                   shows("shows a new API key once, to the one who made it", "API key"),
		"internal/web/console/meter.go tokens":                      opens("shows a token to somebody who may see it", goods),
		"internal/web/console/meterpassword.go changeMeterPassword": shows("shows a meter's new password once, to the person who made or approved it", "meter password"),
		"internal/web/console/newmeter.go showMeterSecrets":         shows("shows the secrets of a meter once, to the person who registered it", "meter password", "link key"),
		"internal/web/console/pagelink.go pageLink":                 shows("shows the address of a page to those who may see it", "customer link"),
		"internal/web/console/people.go showLink":                   shows("shows a one-time link once, to the person who invited or reset somebody", "invitation"),
		"internal/web/console/platform.go fillBox":                  opens("puts a token into the box of somebody who may see it", goods),
		"internal/web/console/receipt.go receiptOf":                 opens("prints what internal/receipt reveals", goods),
		"internal/web/console/sale.go digitsAt":                     opens("shows a token to somebody who may see it", goods),
		"internal/web/console/service.go madeTokens":                opens("shows service tokens to whoever asked for them, or may see digits", goods),
		"internal/web/console/session.go signIn":                    shows("sets the session cookie", "session"),
		"internal/web/console/setup.go rightCode":                   opens("compares the code of the setup link", keeps),
		"internal/web/console/vouchers.go codesFile":                shows("writes codes into a file, for those who may see them, after the audit row", "voucher code"),
		"internal/web/console/vouchers_templ.go codesView":          shows("shows codes to those who may see them, after the audit row", "voucher code"),
		"internal/web/console/vouchers_templ.go pinsView":           shows("shows the PINs of vouchers once, to the one who takes them, after the audit row", "voucher PIN"),
		"internal/web/console/webhooks.go addWebhook":               opens("asks whether there is a secret to show", keeps),
		"internal/web/console/webhooks.go rotateWebhook":            opens("asks whether there is a secret to show", keeps),
		"internal/web/console/webhooks.go secretOf":                 shows("shows the secret of a webhook once, to the person who made it", "webhook secret"),
		"internal/web/portal/home.go public":                        shows("shows the customer the address on which somebody else pays", "payment link"),
		"internal/web/portal/last.go digits":                        opens("shows the customer the digits of the last tokens", goods),
	}
}

// credentialRow is a row of the page of credentials.
type credentialRow struct {
	kind      string
	connected string // what it says about connections
}

// credentialRows reads the table of the page.
func credentialRows(t *testing.T) (rows []credentialRow) {
	t.Helper()
	page, err := os.ReadFile("../../docs/operate/credentials.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\| \*\*([^*]+)\*\* \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, credentialRow{m[1], m[2]})
	}
	return rows
}

// endedInTests returns the kinds that tests end with await.Ends, and whether one of the tests connects with the credential before.
func endedInTests(t *testing.T) map[string]bool {
	t.Helper()
	ended := map[string]bool{}
	for _, f := range files(t) {
		if !f.test() || f.dir == "internal/await" {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !isSelector(lit.Type, "await", "Credential") {
				return true
			}
			kind, opens := "", false
			for _, e := range lit.Elts {
				field, _ := e.(*ast.KeyValueExpr)
				if field == nil {
					continue
				}
				switch name, _ := field.Key.(*ast.Ident); name.Name {
				case "Kind":
					if text, ok := field.Value.(*ast.BasicLit); ok {
						kind = strings.Trim(text.Value, `"`)
					}
				case "Open":
					opens = true
				}
			}
			if kind == "" {
				t.Errorf("%s: write out the Kind of the credential", f.set.Position(lit.Pos()))
			}
			ended[kind] = ended[kind] || opens
			return true
		})
	}
	return ended
}

// isSelector reports whether an expression is a name of a package.
func isSelector(e ast.Expr, of, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == of
}

// rowsOfAnswers returns the rows of a kind of secret that answers of the API show.
func rowsOfAnswers(kind access.SecretKind) []string {
	switch kind {
	case access.SecretDigits:
		return nil // goods
	case access.SecretNewMeter:
		return []string{string(access.SecretMeterPassword), string(access.SecretLinkKey)}
	case access.SecretProvider:
		return []string{string(access.SecretProvider), "provider address"}
	}
	return []string{string(kind)}
}

// TestEveryCredentialHasItsRowAndItsTest: what functions hand out and what answers of the API show has a row on the page of credentials. Each
// row has a test that ends such a credential and then finds that it no longer works, also for what was connected with it.
func TestEveryCredentialHasItsRowAndItsTest(t *testing.T) {
	rows, ended := credentialRows(t), endedInTests(t)
	var kinds []string
	for _, r := range rows {
		kinds = append(kinds, r.kind)
		opens, tested := ended[r.kind]
		if !tested {
			t.Errorf("no test ends the %s: call await.Ends", r.kind)
		}
		if tested && !opens && !strings.HasPrefix(r.connected, "nothing") {
			t.Errorf("no test connects with the %s before it ends, but the page says: %s", r.kind, r.connected)
		}
	}
	for kind := range ended {
		if !slices.Contains(kinds, kind) {
			t.Errorf("a test ends the %s, which is not in docs/operate/credentials.md", kind)
		}
	}
	for where, h := range handouts() {
		for _, row := range h.rows {
			if !slices.Contains(kinds, row) {
				t.Errorf("%s hands out the %s, which is not in docs/operate/credentials.md", where, row)
			}
		}
	}
	for _, rule := range access.SecretRules() {
		for _, row := range rowsOfAnswers(rule.Kind) {
			if !slices.Contains(kinds, row) {
				t.Errorf("answers show the %s (%s), which is not in docs/operate/credentials.md", row, strings.Join(rule.Operations, ", "))
			}
		}
	}
}
