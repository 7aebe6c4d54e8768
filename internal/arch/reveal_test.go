package arch_test

import (
	"go/ast"
	"maps"
	"strings"
	"testing"
)

// revealers joins the lists of files that may open a secret.
func revealers() map[string]string {
	all := revealersOfTokens()
	maps.Copy(all, revealersOfKeys())
	return all
}

// revealersOfTokens names every file that may open a secret (token digits, keys, passwords), with its reason. A use case reveals a
// secret only after the commit. A new caller is a decision, and the reviewer sees it here.
func revealersOfTokens() map[string]string {
	return map[string]string{
		// The secrets' own packages.
		"sts/key.go":                "compares two keys",
		"internal/access/secret.go": "compares and hashes", "internal/access/person.go": "hashes a password", "internal/access/people.go": "the same",
		"internal/vending/digits.go": "hands the door on: Digits inside the transaction, Issued after it",
		// Where a token is sealed, shown after the commit, or goes to its meter.
		"internal/vending/complete.go":  "seals the digits into the row that the commit makes durable",
		"internal/vending/job.go":       "the same, for tokens that nobody buys",
		"internal/recharge/recharge.go": "seals and hashes digits that somebody handed in, after the token doctor has looked at them",
		"internal/diagnosis/doctor.go":  "hashes digits that the asker gave, or that are one slip away",
		"internal/api/diagnosis.go":     "shows a correction that was sold, to somebody who may see digits, after its audit row",
		"internal/api/vend.go":          "renders the answer that is stored sealed in the sale's transaction and sent after it",
		"internal/api/voucher.go":       "shows the PINs of vouchers once, to the one who takes them, after the audit row",
		"internal/app/shop.go":          "redeems the PIN that a customer sent",
		"internal/notify/purchase.go":   "looks whether a message has a PIN",
		"internal/api/key.go":           "shows a new API key once, to the one who made it",
		"internal/web/console/keys.go":  "shows a new API key once, to the one who made it",
		"internal/api/person.go":        "shows a one-time link once, to the person who invited or reset somebody",
		"internal/receipt/receipt.go":   "prints a token that the use case gave to somebody who may see it",
		"internal/receipt/json.go":      "writes what receipt.go reveals", "internal/print/sms.go": "writes what receipt.go reveals",
		"internal/print/sheet.go":                "the same, as text, PDF and for printers",
		"internal/notify/template.go":            "writes the message that brings a token to its customer, when it is sent",
		"internal/web/console/sale.go":           "shows a token to somebody who may see it",
		"internal/web/console/meter.go":          "the same",
		"internal/web/console/people.go":         "shows a one-time link once, to the person who invited or reset somebody",
		"internal/web/console/approvals.go":      "shows the secrets of a meter once, in the answer to the approval that registered it",
		"internal/api/import.go":                 "shows the secrets of imported meters once, to the one who imported them",
		"internal/web/console/import.go":         "the same",
		"internal/web/console/newmeter.go":       "shows the secrets of a meter once, to the person who registered it",
		"internal/web/console/platform.go":       "puts a token into the box of somebody who may see it",
		"internal/web/console/vouchers_templ.go": "shows the PINs of vouchers once, to the one who takes them, and codes to the one who may see them, after the audit row",
		"internal/web/console/vouchers.go":       "writes the same codes into a file",
		"internal/web/console/integrations.go":   "shows the password of a login once, to the person who made it",
		"internal/web/console/service.go":        "shows service tokens to whoever asked for them, or may see digits",
		"internal/web/console/doctor.go":         "shows which token was meant to somebody who may see digits",
		"internal/web/console/receipt.go":        "prints what internal/receipt reveals",
		"internal/notify/work.go":                "writes a message when it is given to its route, and keeps the text nowhere",
		"internal/notify/order.go":               "hashes digits that a person gave",
		"wire/down.go":                           "the message that brings a token to its meter",
		"internal/device/input.go":               "the meter itself: digits that were typed or came by SMS",
		"internal/device/mail.go":                "the same, with a modem",
		"internal/device/downlink.go":            "the meter itself: digits that were pushed",
		"cmd/paywatt/token.go":                   "works on tokens without a server, for whoever has the key",
		"cmd/paywatt/token_explain.go":           "the same, and shows what the server let the caller see",
		"internal/tokenlab/view.go":              "the same",
		"internal/tokenlab/kinds.go":             "checks public vectors",
		"internal/tokenlab/rebuild.go":           "checks public vectors",
	}
}

// revealersOfKeys names the files that show a secret once, or write it to the place where it belongs.
func revealersOfKeys() map[string]string {
	return map[string]string{
		"cmd/paywatt/apikey.go":                 "prints the key it made, once",
		"internal/store/storetest/profile.go":   "signs in with the login it made, on both engines",
		"internal/app/apptest/apptest.go":       "hands out the link and the key of a person in a test",
		"cmd/paywatt/integration.go":            "prints the password of the login it made, once",
		"internal/api/adoption.go":              "shows the password of the shared listener once, to the person who made it",
		"internal/api/payment.go":               "shows the address of a provider, and the signing secret that the server drew, once",
		"internal/api/token.go":                 "shows the same secret to the second person, once",
		"internal/payment/secret.go":            "seals the secrets of a provider that the second person entered",
		"internal/api/meter.go":                 "the one answer that shows a meter's secrets",
		"internal/web/console/session.go":       "sets the session cookie",
		"internal/web/console/device.go":        "sets the session cookie and the cookie of a counter device",
		"internal/access/device.go":             "checks and hashes a PIN",
		"internal/access/factor.go":             "seals and opens the secret of a second factor",
		"internal/access/totp.go":               "computes codes and the QR code of a second factor",
		"internal/web/console/factor.go":        "shows a new second factor and recovery codes to their person, once, and sets the session cookie",
		"internal/keystore/keystore.go":         "seals a vending key into the key store",
		"internal/registry/meter.go":            "seals a link key into its row",
		"internal/registry/linkkey.go":          "seals the next link key of a meter into its row",
		"internal/pagelink/link.go":             "compares a link with its sealed copy, and writes the address of a page",
		"internal/notify/page.go":               "measures the address of a page for its message",
		"internal/pagelink/links.go":            "writes the address of a page on which somebody pays, which shows nothing of the account",
		"internal/web/console/flats.go":         "prints the addresses of the pages that pay for flats, for their doors",
		"internal/api/pagelink.go":              "shows the address of a page to those who may see it",
		"internal/web/console/pagelink.go":      "shows the address of a page to those who may see it",
		"internal/web/console/flatsnew.go":      "shows the addresses of new tenants' pages to those who may see them",
		"internal/web/portal/home.go":           "shows the customer the address on which somebody else pays",
		"internal/web/portal/last.go":           "shows the customer the digits of the last tokens",
		"internal/api/webhook.go":               "shows the secret of a webhook once, to the person who made it",
		"internal/web/console/webhooks.go":      "the same",
		"internal/api/linkkey.go":               "shows the next link key of a meter once",
		"internal/api/password.go":              "shows a meter's new password once, to the person who made or approved it",
		"internal/web/console/meterpassword.go": "the same",
		"internal/registry/draft.go":            "shows a simulated meter's test key once",
		"internal/store/headlog/key.go":         "writes the seal key to its file",
		"internal/store/headlog/rotate.go":      "writes the next seal key to its file",
		"internal/seal/handover.go":             "adds the hand-overs to the content of the seal key's file",
		"internal/device/keep.go":               "compares the meter's key with the one in its memory",
		"meter/journal/journal.go":              "writes the meter's key into its memory",
		// Benches play tills and meters with throw-away secrets.
		"internal/sim/trade.go":   "households type the tokens that the street has made for them",
		"internal/bench/token.go": "bench", "internal/bench/meter.go": "bench", "internal/bench/shop.go": "bench", "internal/bench/ingest.go": "bench", "internal/bench/served.go": "bench", "internal/bench/office.go": "bench",
	}
}

func TestWhoRevealsIsKnown(t *testing.T) {
	allowed := revealers()
	used := map[string]bool{}
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		where := f.dir + "/" + f.name
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(strings.TrimPrefix(s.Sel.Name, "Append"), "Reveal") {
				return true
			}
			used[where] = true
			if allowed[where] == "" {
				t.Errorf("%s calls %s: name it in revealers() with its reason, or do without", f.set.Position(s.Pos()), s.Sel.Name)
			}
			return true
		})
	}
	for where := range allowed {
		if !used[where] {
			t.Errorf("%s reveals nothing: take it off the list", where)
		}
	}
}
