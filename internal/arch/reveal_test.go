package arch_test

import (
	"go/ast"
	"go/token"
	"maps"
	"strings"
	"testing"
)

// revealers joins the lists of files that may open a secret without handing it out. Functions that hand one out are in [handouts].
func revealers() map[string]string {
	all := revealersOfTokens()
	maps.Copy(all, revealersOfKeys())
	return all
}

// revealersOfTokens names the files that may open the digits of a token, with the reason. A use case reveals a secret only after the
// commit. A new caller is a decision, and the reviewer sees it here.
func revealersOfTokens() map[string]string {
	return map[string]string{
		// The secrets' own packages.
		"sts/key.go":                "compares two keys",
		"internal/access/secret.go": "compares and hashes", "internal/access/person.go": "hashes a password", "internal/access/people.go": "the same",
		"internal/vending/digits.go": "hands the door on: Digits inside the transaction, Issued after it",
		// Where a token is sealed, or goes to its meter.
		"internal/vending/complete.go":  "seals the digits into the row that the commit makes durable",
		"internal/vending/job.go":       "the same, for tokens that nobody buys",
		"internal/recharge/recharge.go": "seals and hashes digits that somebody handed in, after the token doctor has looked at them",
		"internal/diagnosis/doctor.go":  "hashes digits that the asker gave, or that are one slip away",
		"internal/app/shop.go":          "redeems the PIN that a customer sent",
		"internal/notify/purchase.go":   "looks whether a message has a PIN",
		"internal/notify/order.go":      "hashes digits that a person gave",
		"wire/down.go":                  "the message that brings a token to its meter",
		"internal/device/input.go":      "the meter itself: digits that were typed or came by SMS",
		"internal/device/mail.go":       "the same, with a modem",
		"internal/device/downlink.go":   "the meter itself: digits that were pushed",
		"cmd/paywatt/token.go":          "works on tokens without a server, for whoever has the key",
		"cmd/paywatt/token_explain.go":  "the same, and shows what the server let the caller see",
		"internal/tokenlab/view.go":     "the same",
		"internal/tokenlab/kinds.go":    "checks public vectors",
		"internal/tokenlab/rebuild.go":  "checks public vectors",
	}
}

// revealersOfKeys names the files that compare or seal another secret, or write it to the place where it belongs.
func revealersOfKeys() map[string]string {
	return map[string]string{
		"internal/store/storetest/profile.go": "signs in with the login it made, on both engines",
		"internal/app/apptest/apptest.go":     "hands out the link and the key of a person in a test",
		"internal/payment/secret.go":          "seals the secrets of a provider that the second person entered",
		"internal/access/device.go":           "checks and hashes a PIN",
		"internal/access/factor.go":           "seals and opens the secret of a second factor",
		"internal/keystore/keystore.go":       "seals a vending key into the key store",
		"internal/registry/meter.go":          "seals a link key into its row",
		"internal/registry/linkkey.go":        "seals the next link key of a meter into its row",
		"internal/notify/page.go":             "measures the address of a page for its message",
		"internal/registry/draft.go":          "shows a simulated meter's test key once",
		"internal/store/headlog/key.go":       "writes the seal key to its file",
		"internal/store/headlog/rotate.go":    "writes the next seal key to its file",
		"internal/seal/handover.go":           "adds the hand-overs to the content of the seal key's file",
		"internal/device/keep.go":             "compares the meter's key with the one in its memory",
		"meter/journal/journal.go":            "writes the meter's key into its memory",
		// Benches play tills and meters with throw-away secrets.
		"internal/sim/trade.go":   "households type the tokens that the street has made for them",
		"internal/bench/token.go": "bench", "internal/bench/meter.go": "bench", "internal/bench/shop.go": "bench", "internal/bench/ingest.go": "bench", "internal/bench/served.go": "bench", "internal/bench/office.go": "bench",
	}
}

func TestWhoRevealsIsKnown(t *testing.T) {
	inside, out := revealers(), handouts()
	handing := map[string]bool{} // files with a function that hands out a secret
	for where := range out {
		file, _, _ := strings.Cut(where, " ")
		handing[file] = true
	}
	used := map[string]bool{}
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		where := f.dir + "/" + f.name
		for _, call := range revealing(f) {
			if !handing[where] {
				used[where] = true
				if inside[where] == "" {
					t.Errorf("%s opens a secret: name it in handouts() with its credential, or its file in revealers() with the reason, or do without", f.set.Position(call.at))
				}
				continue
			}
			used[where+" "+call.in] = true
			if out[where+" "+call.in].why == "" {
				t.Errorf("%s: %s opens a secret: name it in handouts() with its credential, or do without", f.set.Position(call.at), call.in)
			}
		}
	}
	for where := range inside {
		if !used[where] {
			t.Errorf("%s opens no secret, or hands it out: take it off the list", where)
		}
	}
	for where, h := range out {
		if !used[where] || len(h.rows) == 0 && h.exempt == "" {
			t.Errorf("%s opens no secret, or says nothing about it: correct the list", where)
		}
	}
}

// opening is a call that opens a secret, and the function that it stands in.
type opening struct {
	in string
	at token.Pos
}

// revealing lists the calls of a file that open a secret.
func revealing(f file) (calls []opening) {
	for _, d := range f.tree.Decls {
		in := "outside of functions"
		if fn, ok := d.(*ast.FuncDecl); ok {
			in = fn.Name.Name
		}
		ast.Inspect(d, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if ok && strings.HasPrefix(strings.TrimPrefix(s.Sel.Name, "Append"), "Reveal") {
				calls = append(calls, opening{in, s.Pos()})
			}
			return true
		})
	}
	return calls
}
