package registry

import (
	"context"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Payee is whom a sale to a meter is for, as somebody may know who sells and may not read meters.
type Payee struct {
	refusal.Refusal
	Number    string
	Simulated bool
	Name      string // first name and the initial of the last; empty if none is on record
	// Supply has what says whether the supply returns after the sale: Relay and Reasons, and Wallet with Off alone.
	Supply MeterView
}

// Payee names whom a sale to a meter is for (right: vend.quote). Who sells for a vendor compares the name with the customer before taking money,
// and learns nothing else about the household, except why the
// supply will stay off although it is paid for.
func (r *Registry) Payee(ctx context.Context, by access.Actor, ref string) (Payee, error) {
	if no := by.Needs(access.Quote); no.Refused() {
		return Payee{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (Payee, error) {
		m, no, err := MeterNamed(tx, ref)
		if err != nil || no.Refused() {
			return Payee{Refusal: no}, err
		}
		rec, _, err := tx.MeterRecord(m.ID)
		all := r.shown(by, foundRow{rec: rec, found: true})
		p := Payee{Number: m.Number, Simulated: m.Simulated, Name: rec.Customer.ShortName(), Supply: MeterView{Relay: all.Relay, Reasons: all.Reasons}}
		if all.Wallet != nil {
			p.Supply.Wallet = &WalletView{Off: all.Wallet.Off}
		}
		return p, err
	})
	return out, fault.Wrap(err, "look up a payee")
}

// shownLetters is how much is shown of a name that is one word.
const shownLetters = 3

// ShortName returns enough of the name to compare it with a person.
func (c Customer) ShortName() string {
	words := strings.Fields(c.Name)
	switch len(words) {
	case 0:
		return ""
	case 1:
		if letters := []rune(words[0]); len(letters) > shownLetters {
			return string(letters[:shownLetters]) + "…"
		}
		return words[0]
	}
	return words[0] + " " + string([]rune(words[len(words)-1])[:1]) + "."
}
