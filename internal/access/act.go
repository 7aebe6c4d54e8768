package access

import (
	"cmp"
	"fmt"
	"slices"
)

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
	ActSwap        Act = "meter.swap"       // let a meter from the stock take the place of another one
	ActPostpaid    Act = "meter.postpaid"   // let a meter supply energy before it is paid for
	ActImpulses    Act = "meter.impulses"   // register a meter with an unusual number of impulses per kilowatt-hour
	ActMoveOut     Act = "account.move_out" // end an account whose meter may still supply
	// ActMoveOutOwing ends an account that still owes something.
	ActMoveOutOwing Act = "account.move_out_owing"
	ActMoveIn       Act = "account.move_in"  // move somebody in before the last customer can notice the move-out, or give a debtor another meter
	ActMeterTariff  Act = "meter.tariff"     // choose the price of one meter's energy
	ActMaxPower     Act = "meter.max_power"  // set a meter's highest power: use above it is not charged before a person decides
	ActUnreadCut    Act = "meter.unread_cut" // set how long a device that was never readable may supply
	ActFeeder       Act = "meter.feeder"     // say which feeder a meter is on, or measures
	// ActMeterConfig sets a meter's emergency credit, friendly hours, limits and texts.
	ActMeterConfig Act = "meter.config"
	// ActLinkKey ends the use of one of a meter's two link keys.
	ActLinkKey Act = "meter.link_key"
	// ActPassword makes a new MQTT password, with which somebody can speak for a meter; ActEndPassword only ends one.
	ActPassword    Act = "meter.password"
	ActEndPassword Act = "meter.password_end"
	// ActRemove says that a meter was taken off the wall, so that it is heard no more; ActScrap that it never comes back.
	ActRemove Act = "meter.remove"
	ActScrap  Act = "meter.scrap"

	ActDevice Act = "meter.device"   // choose or release the device that says what is used at a meter
	ActSupply Act = "account.supply" // protect an account from being cut off, or let it use more than its lease

	ActSell           Act = "vend.sell"       // sell in the utility's name, into its own till
	ActDebt           Act = "debt.raise"      // make a customer owe money
	ActCharge         Act = "charge.add"      // make a charge of a customer due
	ActTakeOver       Act = "debt.take_over"  // make one account owe what another account owes
	ActImportDebts    Act = "import.debts"    // raise many debts from a file
	ActImportBalances Act = "import.balances" // give many accounts the balance that they had in another system
	ActImportUndo     Act = "import.undo"     // take back debts or balances from a file
	ActImportedDebt   Act = "import.debt"     // one row of a file that may be imported
	ActImportedCredit Act = "import.credit"   // one row that credits an account: a balance, or the undoing of a debt
	// ActEmergency restores a supply at night, on credit, for a time and an energy.
	ActEmergency Act = "supply.emergency"

	ActShiftOpen   Act = "shift.open"
	ActShiftPayOut Act = "shift.pay_out" // bring cash from a till to the bank
	ActShiftClose  Act = "shift.close"   // count one's own till
	// ActShiftCloseAny is the closing of any shift by somebody who may reverse sales, their own shift included.
	ActShiftCloseAny Act = "shift.close_any"

	// ActDayClose is the closing of a local day of the books.
	ActDayClose Act = "day.close"

	ActProvider       Act = "provider.enable" // hear a payment provider
	ActProviderSecret Act = "provider.secret" // replace the secrets of a payment provider
	ActApplyPayment   Act = "payment.apply"   // say which meter a parked payment is for
	ActRefundPayment  Act = "payment.refund"  // give a parked payment back
	ActRejectPayment  Act = "payment.reject"  // say that a payment which is not confirmed was never taken
	// ActDismissPayment says the same of a payment that is parked: its provider has signed for it, or another provider brought its twin.
	ActDismissPayment Act = "payment.dismiss"
	// ActStatement takes payments from the statement file of a provider that cannot be asked, ActAskedStatement from one that can.
	ActStatement      Act = "statement.take"
	ActAskedStatement Act = "statement.compare"
	ActSettle         Act = "difference.close" // settle a difference between statement, payments and books

	ActMakeVouchers  Act = "voucher.make"
	ActPrintVouchers Act = "voucher.print" // take the PINs of a batch
	ActSellVouchers  Act = "voucher.sell"
	ActEndVouchers   Act = "voucher.end" // make vouchers worthless
	// ActReissueCodes gives sold vouchers new codes, because the receipt with the old ones is lost.
	ActReissueCodes Act = "voucher.reissue"

	ActWebhook Act = "webhook.enable" // send events to another program

	ActText Act = "message.text" // send a customer a text in the utility's name

	ActLinkMake   Act = "link.make"   // make a link to a customer's page, which only the customer gets
	ActLinkShow   Act = "link.show"   // see such a link
	ActLinkRevoke Act = "link.revoke" // end the links of an account
)

// second says when an action needs a second person. Above a ceiling of its rule, every action needs one.
type second int

const (
	whenBound    second = iota // when the four-eyes rule applies
	aboveCeiling               // only above a ceiling
	noSecond                   // never: nobody profits from it, or it cannot wait; above a ceiling it is refused
)

// rule is the entry of an action in the table.
type rule struct {
	right  Right // what the maker and the checker both need
	second second
	under  []Ceiling // what one person may take alone in a day
	moves  string    // what the action can move, for docs/reference/acts.md
	was    Act       // its name in approvals that older versions stored
	// shows is the secret that the answer to an approval of the action can show; empty for none.
	shows SecretKind
	size  size // how much it moves, which the approver compares with what is usual
}

// open reports whether everybody with the right may do the action alone, as often as they like: it moves no value.
func (r rule) open() bool { return r.second == noSecond && len(r.under) == 0 }

// acts is the only place that says which actions need a second person, and which ceilings they count under. An action that is missing here
// cannot be done.
var acts = map[Act]rule{
	ActTariff:         {right: WriteTariffs, moves: "the price of all energy; fixed charges that customers paid"},
	ActDeposit:        {right: DepositFloat, size: sizeByFigures("amount"), moves: "float that a vendor may sell from"},
	ActTerms:          {right: ManageVendors, moves: "a vendor's commission and credit"},
	ActBlock:          {right: ManageVendors, second: noSecond, moves: "no value: it stops sales"},
	ActSell:           {right: Sell, second: noSecond, under: []Ceiling{PersonSales, MeterSales}, moves: "energy for cash that only the seller has seen"},
	ActReverse:        {right: Reverse, size: sizeByFigures("amount"), under: []Ceiling{PersonReversals, PersonReversed, MeterReversed, VendorReversed}, moves: "the money of a sale, while its units may be in the meter"},
	ActUnits:          {right: IssueUnits, size: sizeByFigures("energy"), under: []Ceiling{PersonFree, MeterFree}, was: ActTokens, moves: "energy that nobody pays for"},
	ActTokens:         {right: IssueTokens, size: sizeByFigures("power"), moves: "the key and the power limit of a meter"},
	ActAdjust:         {right: AdjustLedger, size: sizeByFigures("amount"), under: []Ceiling{PersonCredits, AccountCredits}, moves: "money on a customer's account, or a debt that is written off"},
	ActRefund:         {right: AdjustLedger, size: sizeByFigures("amount"), moves: "money out of the bank, or to another account"},
	ActDebt:           {right: WriteDebts, size: size{facts: []string{"amount"}, alone: PersonDebts}, second: aboveCeiling, under: []Ceiling{PersonDebts, AccountDebts}, moves: "money that a customer must pay"},
	ActCharge:         {right: WriteDebts, second: noSecond, under: []Ceiling{PersonDebts, AccountDebts}, moves: "money that a customer must pay"},
	ActTakeOver:       {right: WriteDebts, size: sizeByFigures("amount"), under: []Ceiling{PersonDebts, AccountDebts}, moves: "money that one customer owes and another must pay"},
	ActImportDebts:    {right: WriteDebts, size: size{rows: true}, second: aboveCeiling, under: []Ceiling{PersonDebts}, moves: "money that customers must pay"},
	ActImportBalances: {right: AdjustLedger, size: size{rows: true}, under: []Ceiling{PersonCredits}, moves: "money on customers' accounts"},
	ActImportUndo:     {right: AdjustLedger, size: size{rows: true}, under: []Ceiling{PersonCredits}, moves: "debts that are taken back, or money on customers' accounts"},
	ActImportedDebt:   {right: WriteDebts, second: noSecond, under: []Ceiling{AccountDebts}, moves: "money that a customer must pay"},
	ActImportedCredit: {right: AdjustLedger, second: noSecond, under: []Ceiling{AccountCredits}, moves: "money on a customer's account, or a debt that is taken back"},

	ActEmergency:  {right: SendCommands, size: size{facts: []string{"energy"}, alone: PersonEmergency}, second: aboveCeiling, under: []Ceiling{PersonEmergency, MeterEmergency}, moves: "energy before it is paid for, at night and for at most a day"},
	ActText:       {right: SendMessages, second: noSecond, under: []Ceiling{PersonTexts}, moves: "no value: a text to a customer, in the utility's name"},
	ActLinkMake:   {right: SendMessages, second: noSecond, moves: "no value: the link goes to the customer's own telephone"},
	ActLinkShow:   {right: WriteCustomers, second: noSecond, moves: "no value: the tokens on the page load only in the customer's meter, and the audit log names who saw the link"},
	ActLinkRevoke: {right: SendMessages, second: noSecond, moves: "no value: it ends a link, and the customer can get another"},

	ActReading: {right: DecideReadings, size: sizeByFigures("charged", "not-charged"), moves: "energy that was used and not charged"},

	ActShiftOpen:     {right: UseTill, second: noSecond, moves: "no value: cash of the bank that the person must account for when the shift is closed"},
	ActShiftPayOut:   {right: UseTill, second: noSecond, moves: "no value: cash that the bank's statement must show"},
	ActShiftClose:    {right: UseTill, second: noSecond, under: []Ceiling{PersonShortage, PersonSurplus}, moves: "cash that is missing from one's own till, or money in the books that nobody paid"},
	ActShiftCloseAny: {right: Reverse, size: sizeByFigures("difference"), second: aboveCeiling, under: []Ceiling{PersonShortage, PersonSurplus}, moves: "cash that is missing from a till, or money in the books that nobody paid"},

	ActDayClose: {right: AdjustLedger, second: noSecond, moves: "no value: it posts nothing, and a late entry goes into the first open day with its own time"},

	ActProvider:       {right: WriteSettings, shows: SecretProvider, moves: "credit for whatever the provider says that it took"},
	ActProviderSecret: {right: WriteSettings, shows: SecretProvider, moves: "credit for whatever the holder of the new secrets says that the provider took"},
	ActApplyPayment:   {right: DecidePayments, size: sizeByFigures("amount"), moves: "a payer's money to a meter"},
	ActRefundPayment:  {right: DecidePayments, size: sizeByFigures("amount"), moves: "a payer's money out of the books"},
	ActRejectPayment:  {right: DecidePayments, second: noSecond, moves: "no value: the provider has not confirmed the payment, and is asked again when it repeats it"},

	ActDismissPayment: {right: DecidePayments, size: sizeByFigures("amount"), moves: "a payer's money that the provider has probably taken, out of sight: the books never show it"},

	ActStatement:      {right: DecidePayments, size: size{rows: true}, moves: "credit for whatever the file says that the provider took"},
	ActAskedStatement: {right: DecidePayments, second: noSecond, moves: "no value: the provider itself must confirm each payment of the file"},
	ActSettle:         {right: DecidePayments, size: sizeByFigures("in-statement", "in-payments", "in-books"), moves: "no value, but the evidence that money is missing"},
	ActMakeVouchers:   {right: DecidePayments, size: sizeByFigures("together"), moves: "nothing before they are paid for: each is worth its value then"},
	ActPrintVouchers:  {right: DecidePayments, second: noSecond, moves: "no value: a PIN buys nothing before somebody pays for it, and the audit log names who took the PINs"},
	ActSellVouchers:   {right: Sell, second: noSecond, under: []Ceiling{PersonSales}, moves: "PINs that buy energy, for cash that only the seller has seen"},
	ActEndVouchers:    {right: DecidePayments, size: sizeByFigures("to-income"), moves: "what customers paid for vouchers, to the utility's income"},
	ActReissueCodes:   {right: DecidePayments, size: sizeByFigures("together"), shows: SecretVoucherCode, moves: "vouchers that somebody else paid for, to whoever has their PINs and gets the new codes"},
	ActWebhook:        {right: WriteSettings, moves: "no money: facts about sales, payments and meters leave for another program, for as long as it is enabled"},

	ActSettings: {right: WriteSettings, moves: "the rules themselves"},
	ActClock:    {right: WriteSettings, moves: "the time that tokens and prices follow"},

	ActClearCredit:  {right: IssueTokens, was: ActTokens, moves: "energy that a customer has paid for"},
	ActClearTamper:  {right: IssueTokens, was: ActTokens, moves: "the evidence of tampering"},
	ActCancelToken:  {right: SendCommands, size: sizeByFigures("amount"), moves: "the value of a customer's token"},
	ActForce:        {right: SendCommands, moves: "supply without the customer's key press"},
	ActCommand:      {right: SendCommands, second: noSecond, moves: "no value: the meter supplies only what is paid for"},
	ActMeter:        {right: WriteMeters, second: noSecond, moves: "no value: a prepaid meter supplies only what is paid for"},
	ActSwap:         {right: IssueTokens, size: sizeByFigures("energy"), under: []Ceiling{PersonFree, MeterFree}, moves: "energy that somebody says was left in the old meter, or used after its closing register"},
	ActPostpaid:     {right: WriteMeters, under: []Ceiling{PersonFeeders}, moves: "energy before it is paid for"},
	ActImpulses:     {right: WriteMeters, under: []Ceiling{PersonFeeders}, moves: "energy that is not counted: a meter that counts too many impulses for a kilowatt-hour"},
	ActMoveOut:      {right: WriteCustomers, second: noSecond, under: []Ceiling{PersonFree}, moves: "energy that the leases of the account's meters still allow, which nobody pays for"},
	ActMoveOutOwing: {right: WriteCustomers, size: sizeByFigures("outstanding"), under: []Ceiling{PersonFree}, moves: "a debt that nobody collects while the customer has no account"},
	ActMoveIn:       {right: WriteCustomers, under: []Ceiling{PersonFeeders}, moves: "what a customer pays at a meter, if the customer still lives there; or a debt that stays behind at another meter"},
	ActMeterTariff:  {right: WriteMeters, size: sizeByFigures("price"), under: []Ceiling{PersonFeeders}, moves: "the price of one meter's energy"},
	ActMaxPower:     {right: WriteMeters, under: []Ceiling{PersonFeeders}, moves: "energy that is not charged before a person decides"},
	ActUnreadCut:    {right: WriteMeters, under: []Ceiling{PersonFeeders}, moves: "energy of a device whose messages cannot be read, which nobody pays for"},
	ActFeeder:       {right: WriteMeters, under: []Ceiling{PersonFeeders}, moves: "no value, but the figures that show where energy is lost"},
	ActMeterConfig:  {right: WriteMeters, moves: "energy before it is paid for: emergency credit, hours without a cut-off, a lifeline"},
	ActLinkKey:      {right: WriteMeters, shows: SecretLinkKey, moves: "energy before it is paid for, if the meter has only the other key and ignores a cut-off"},
	ActPassword:     {right: WriteMeters, shows: SecretMeterPassword, moves: "energy that is not reported: whoever has a meter's password speaks for the meter"},
	ActEndPassword:  {right: WriteMeters, second: noSecond, moves: "no value: the meter is no longer heard, unless it has a certificate, and the alarm for silent meters says so"},
	ActRemove:       {right: WriteMeters, moves: "energy that the meter still supplies and that nobody hears of, if it was not taken off the wall"},
	ActScrap: {right: WriteMeters, second: noSecond,
		moves: "no value: a meter in stock or a removed one supplies nobody, and what its account owes stays owed"},
	ActDevice: {right: WriteMeters, moves: "energy that the new device does not report, or that nobody measures after a release"},
	ActSupply: {right: WriteMeters, moves: "energy before it is paid for"},
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

// movesValue reports whether somebody with the role can do an action that moves value.
func (r Role) movesValue() bool {
	for _, a := range acts {
		if !a.open() && r.May(a.right) {
			return true
		}
	}
	return false
}

// ActRule is the rule of an action, as docs/reference/acts.md shows it.
type ActRule struct {
	Act    Act
	Moves  string // what the action can move
	Right  Right
	Second string // when it needs a second person
	Under  []Ceiling
	Size   []string // figures that the approver compares with what is usual; "rows" are the sums of a file
}

// ActRules lists the rules of all actions, sorted by name.
func ActRules() []ActRule {
	var out []ActRule
	for a, r := range acts {
		out = append(out, ActRule{Act: a, Moves: r.moves, Right: r.right, Second: r.needs(), Under: slices.Clone(r.under), Size: r.size.listFigures()})
	}
	slices.SortFunc(out, func(a, b ActRule) int { return cmp.Compare(a.Act, b.Act) })
	return out
}

// needs says in words when an action needs a second person.
func (r rule) needs() string {
	limited := len(r.under) > 0
	switch {
	case r.second == aboveCeiling:
		return "only above a ceiling"
	case r.second == noSecond && limited:
		return "never; refused above a ceiling"
	case r.second == noSecond:
		return "never"
	case limited:
		return "when four eyes apply, and above a ceiling"
	}
	return "when four eyes apply"
}

// Acts lists every action that can need a second person: when the four-eyes rule applies, or above a ceiling.
func Acts() []Act {
	var out []Act
	for a, r := range acts {
		if r.second != noSecond {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}
