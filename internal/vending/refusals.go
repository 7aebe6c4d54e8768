package vending

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

func noTokens(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.InvalidRequest, fmt.Sprintf("Meter %s is of mode %s and takes no tokens.", p.Meter.Number, p.Mode),
		sale.NothingMoved, "Sales are for meters of mode prepay_token and prepay_wallet.")
}

func blocked(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.MeterBlocked, fmt.Sprintf("Meter %s is %s, not active.", p.Meter.Number, p.Status),
		sale.NothingMoved, "Ask the utility why; it can set the meter active again.")
}

func closed(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.AccountClosed, fmt.Sprintf("Meter %s has no open account.", p.Meter.Number),
		sale.NothingMoved, "Ask the utility to open an account for this meter.")
}

func noTariff(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.TariffMissing, fmt.Sprintf("No tariff of meter %s is in force now.", p.Meter.Number),
		sale.NothingMoved, "Publish a version of its tariff that has begun.")
}

func noKey(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.KeyMissing, fmt.Sprintf("Meter %s has no STS key on record.", p.Meter.Number),
		sale.NothingMoved, "Register supply group, key revision, key type and tariff index of the meter.")
}

func keyChange(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.KeyChangeRequired, fmt.Sprintf("A key change is planned for meter %s; a token sold now might not load.", p.Meter.Number),
		sale.NothingMoved, "Issue the key-change tokens first, then sell.")
}

func wrongKeyType(p sale.Point, kt sts.KeyType) refusal.Refusal {
	why := "credit is refused by meters under it"
	if kt == sts.DCTK {
		why = "it is common to many meters, so a token would load on each of them"
	}
	return refusal.Because(refusal.KeyTypeForbidden, fmt.Sprintf("The key of meter %s is of type %d (%s): %s.", p.Meter.Number, kt, kt, why),
		sale.NothingMoved, "Change the meter to a unique key (type 2) first.")
}

func keyExpired(p sale.Point, ken uint8) refusal.Refusal {
	return refusal.Because(refusal.KeyExpired, fmt.Sprintf("The key of meter %s has expired (expiry number %d); it would refuse the token.", p.Meter.Number, ken),
		sale.NothingMoved, "Change the meter to a key revision that is still valid.")
}

func baseDateOver(p sale.Point, base sts.BaseDate) refusal.Refusal {
	return refusal.Because(refusal.BaseDateExpired,
		fmt.Sprintf("Base date %s of meter %s cannot express this moment: its minutes have run out, or have not begun.", base, p.Meter.Number),
		sale.NothingMoved, "Change the meter to a key revision with a later base date; if the server's clock is wrong, set it first.")
}

func tooManyTokens(p sale.Point, ahead time.Duration) refusal.Refusal {
	return refusal.Because(refusal.TooManyTokens,
		fmt.Sprintf("Meter %s has been sold so many tokens that the next would be dated more than %d minutes ahead.", p.Meter.Number, int64(ahead/time.Minute)),
		sale.NothingMoved, "Wait, or buy more at a time: each token takes one minute.")
}

func notOnAToken(units unit.Energy) refusal.Refusal {
	return refusal.Because(refusal.VendTooLarge, fmt.Sprintf("%s kWh cannot be written exactly on a token.", units.KWh(1)),
		sale.NothingMoved, "Buy another amount.")
}

func clockBehind(now, newest time.Time) refusal.Refusal {
	return refusal.Because(refusal.ClockUntrusted,
		fmt.Sprintf("The server's clock says %s, but a token was issued at %s.", stamp(now), stamp(newest)),
		sale.NothingMoved, "Set the server's clock. If it is right now, and was wrong when that token was issued, trust it (paywatt clock trust).")
}

func clockAhead(now, known time.Time) refusal.Refusal {
	return refusal.Because(refusal.ClockUntrusted,
		fmt.Sprintf("The server started with its clock at %s, more than 24 hours past %s, when it was last known to be right. "+
			"No time service reports that the clock is synchronised.", stamp(now), stamp(known)),
		sale.NothingMoved, "Set the clock, or wait until the time service has set it. If it is right, trust it (paywatt clock trust).")
}

func clockNotDoubted(now time.Time) refusal.Refusal {
	return refusal.Because(refusal.ClockTrusted, fmt.Sprintf("The server's clock is not in doubt. It says %s.", stamp(now)),
		"Nothing was changed.", "If it is wrong, set the machine's clock.")
}

// otherClock refuses an approval of a clock that said something else; zero for one of an older version, which did not note it.
func otherClock(said, says time.Time) refusal.Refusal {
	what := "This approval does not say what the clock said."
	if !said.IsZero() {
		what = "This approval is of a clock that said " + stamp(said) + "."
	}
	return refusal.Because(refusal.ApprovalInvalid, what+" The clock says "+stamp(says)+" now.", "The clock is still in doubt.",
		"Compare it with another one, and ask for trust in it again.")
}

func clockJumped(by time.Duration) refusal.Refusal {
	return refusal.Because(refusal.ClockUntrusted, fmt.Sprintf("The server's clock was moved by %s while it ran.", by.Round(time.Second)),
		sale.NothingMoved, "Set the clock. If it is right now, trust it (paywatt clock trust).")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func keyMissing() refusal.Refusal {
	return refusal.Because(refusal.IdempotencyKeyMissing, "A sale needs an Idempotency-Key, so that a lost answer can be asked for again.",
		sale.NothingMoved, "Send the header with 8 to 64 characters that are new for each sale.")
}

func keyInvalid() refusal.Refusal {
	return refusal.Because(refusal.IdempotencyKeyInvalid, fmt.Sprintf("An Idempotency-Key has %d to %d printable ASCII characters.", minKey, maxKey),
		sale.NothingMoved, "Send another one.")
}

func refInvalid() refusal.Refusal {
	return refusal.Because(refusal.InvalidRequest, fmt.Sprintf("client_ref has at most %d printable characters.", MaxRef),
		sale.NothingMoved, "Use a shorter reference.")
}

func refReused(ref string) refusal.Refusal {
	return refusal.Because(refusal.ClientRefReused, fmt.Sprintf("The client_ref %q belongs to another sale.", refusal.Echo(ref)),
		sale.NothingMoved, "Look at that sale, or use a new reference for a new one.")
}

// unreachable refuses a delivery that has nowhere to go.
func unreachable(route string, p sale.Point) refusal.Refusal {
	what, try := "The customer of meter "+p.Meter.Number+" has no telephone number to send the token to.", "Register the number, or leave sms out of deliver."
	if route == sale.RouteMeterSMS {
		what, try = "Meter "+p.Meter.Number+" takes no tokens by SMS: no number of its SIM is known, or it needs none.",
			"Register its sim_phone, or leave meter_sms out of deliver."
	}
	return refusal.Because(refusal.InvalidRequest, what, sale.NothingMoved, try)
}

func unknownRoute(route string) refusal.Refusal {
	return refusal.Because(refusal.InvalidRequest, fmt.Sprintf("There is no delivery by %q on this server.", refusal.Echo(route)),
		sale.NothingMoved, "Leave it out of deliver; mqtt is known, sms and meter_sms where the server has a route for messages, and the answer itself carries the digits.")
}

func inProgress(p sale.Point) refusal.Refusal {
	return refusal.Because(refusal.VendInProgress, fmt.Sprintf("Another sale to meter %s is waiting for its token.", p.Meter.Number),
		sale.NothingMoved, "Try again in a few seconds.")
}

func issuerUnknown(sale id.ID) refusal.Refusal {
	return refusal.Because(refusal.IssuerUnknown, fmt.Sprintf("The issuer has not said whether it made the token of sale %s.", sale.Text(id.Vend)),
		"The sale is neither complete nor void; nothing will be charged twice.",
		"Repeat the same request, or ask by client_ref; do not start a new sale for this payment.")
}

// jobUnknown answers for a job whose issuer has not answered.
func jobUnknown() refusal.Refusal {
	return refusal.Because(refusal.IssuerUnknown, "The issuer has not said whether it made the tokens.", "",
		"Repeat the same request; it gives the same tokens.")
}

// afterDoubt answers for a held sale or job while the clock is in doubt. The code and the way to ask again are those of open,
// because an issuer that was asked before may have made the token. What names the clock, which is why nobody asks the issuer now.
func afterDoubt(what string, open, doubt refusal.Refusal) refusal.Refusal {
	return refusal.Because(open.Code, doubt.What+" "+what+" cannot be completed until the clock is trusted.", open.Not, doubt.Try+" "+open.Try)
}

func saleFailed(s sale.Sale) refusal.Refusal {
	return refusal.Because(failure(s.Failure), fmt.Sprintf("Sale %s failed: the issuer refused its token.", s.ID.Text(id.Vend)),
		"No money was kept and no token was made.", "Start a new sale with a new client_ref once the cause is gone.")
}

// failure is the code that a failed sale answers with; one from a row that names none is the issuer's.
func failure(c refusal.Code) refusal.Code {
	if c == "" {
		return refusal.IssuerRefused
	}
	return c
}

func noSale(text string) refusal.Refusal {
	return refusal.Because(refusal.VendNotFound, "There is no sale "+refusal.Echo(text)+" that you may see.", "",
		"Check its id; a vendor sees its own sales only. What became of a request whose answer was lost is told by its client_ref.")
}

// nothingTendered refuses a purchase for nothing by an account that has no free units to claim.
func nothingTendered(p sale.Point, b tariff.Body, m sale.Month) refusal.Refusal {
	if b.Free.Units > 0 && m.FreeClaimed {
		return refusal.Because(refusal.FBEAlreadyIssued, fmt.Sprintf("The free units of this month were issued for meter %s already.", p.Meter.Number),
			sale.NothingMoved, "Pay for more, or wait for the next month.")
	}
	return refusal.Because(refusal.AmountInvalid, fmt.Sprintf("Nothing is tendered, and meter %s has no free units to claim.", p.Meter.Number),
		sale.NothingMoved, "Give a positive amount; at the API in whole minor units, where 10000 is 100.00.")
}
