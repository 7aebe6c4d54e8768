package access

import "fmt"

// Act names a sensitive action. An action has one name, however it is requested (token, command, change of settings). [acts]
// says who may do it and whether a second person must approve it.
type Act string

// Actions. Every use case that does such an action calls [SecondPerson] with the action's name.
const (
	ActTariff  Act = "tariff.publish"
	ActDeposit Act = "vendor.deposit"
	ActTerms   Act = "vendor.terms" // register a vendor, or change its terms
	ActBlock   Act = "vendor.block" // stop a vendor's sales, and nothing else
	ActReverse Act = "vend.reverse"
	ActUnits   Act = "token.free"    // units that nobody pays for
	ActTokens  Act = "token.issue"   // key changes and power limits
	ActAdjust  Act = "ledger.adjust" // write off a debt, give goodwill
	ActRefund  Act = "account.refund"
	ActReading Act = "reading.decide" // decide about a reading that cannot be true
	// ActSettings is a change of the tenant's settings, including the four-eyes setting.
	ActSettings Act = "settings.change"
	ActClock    Act = "clock.trust"

	ActClearCredit Act = "meter.clear_credit"  // take away the energy that a customer has paid for
	ActClearTamper Act = "meter.clear_tamper"  // clear the meter's evidence of tampering
	ActCancelToken Act = "meter.cancel_token"  // make a customer's token worthless
	ActForce       Act = "meter.force_connect" // close a relay without the customer's key press
	ActCommand     Act = "meter.command"       // every other command
	ActMeter       Act = "meter.add"
	ActPostpaid    Act = "meter.postpaid"  // let a meter supply energy before it is paid for
	ActMaxPower    Act = "meter.max_power" // set a meter's highest power: use above it is not charged before a person decides
	ActSupply      Act = "account.supply"  // protect an account from being cut off, or let it use more than its lease
)

// rule is the entry of an action in the table.
type rule struct {
	right Right // what the maker and the checker both need
	alone bool  // one person may do the action alone: nobody profits from it, or it cannot wait
	was   Act   // its name in approvals that older versions stored
}

// acts is the only place that says which actions need a second person. An action that is missing here cannot be done.
var acts = map[Act]rule{
	ActTariff:  {right: WriteTariffs},
	ActDeposit: {right: DepositFloat},
	ActTerms:   {right: ManageVendors},
	ActBlock:   {right: ManageVendors, alone: true},
	ActReverse: {right: Reverse},
	ActUnits:   {right: IssueUnits, was: ActTokens},
	ActTokens:  {right: IssueTokens},
	ActAdjust:  {right: AdjustLedger},
	ActRefund:  {right: AdjustLedger},
	ActReading: {right: DecideReadings},

	ActSettings: {right: WriteSettings},
	ActClock:    {right: WriteSettings},

	ActClearCredit: {right: IssueTokens, was: ActTokens},
	ActClearTamper: {right: IssueTokens, was: ActTokens},
	ActCancelToken: {right: SendCommands},
	ActForce:       {right: SendCommands},
	ActCommand:     {right: SendCommands, alone: true},
	ActMeter:       {right: WriteMeters, alone: true},
	ActPostpaid:    {right: WriteMeters},
	ActMaxPower:    {right: WriteMeters},
	ActSupply:      {right: WriteMeters},
}

// rule finds the rule of an action.
func (a Act) rule() (rule, error) {
	r, ok := acts[a]
	if !ok {
		return rule{}, fmt.Errorf("the act %q is not in the table of acts", a)
	}
	return r, nil
}

// Right returns the right needed to do and to approve the action; empty for an action that is not in the table.
func (a Act) Right() Right { return acts[a].right }

// Acts lists every action that needs a second person when the four-eyes rule applies.
func Acts() []Act {
	var out []Act
	for a, r := range acts {
		if !r.alone {
			out = append(out, a)
		}
	}
	return out
}
