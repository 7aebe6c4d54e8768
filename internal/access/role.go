package access

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Role is a named set of rights.
type Role string

// The roles, in the order of docs/reference/http.md#keys-and-roles.
const (
	Owner         Role = "owner"
	TariffManager Role = "tariff_manager"
	Engineer      Role = "engineer"
	Operator      Role = "operator"
	Supervisor    Role = "supervisor"
	Finance       Role = "finance"
	Support       Role = "support"
	Installer     Role = "installer"
	Auditor       Role = "auditor"
	VendorAPI     Role = "vendor_api"
	CustomerRole  Role = "customer"
	DeviceRole    Role = "device"
)

// Right is a single permission of a role.
type Right string

// Rights. The use case that does an action checks the right to do it.
const (
	ReadMeters     Right = "meter.read"
	WriteMeters    Right = "meter.write"
	ReadCustomers  Right = "customer.read"
	WriteCustomers Right = "customer.write"
	SendCommands   Right = "command.send"
	Quote          Right = "vend.quote"
	Sell           Right = "vend.sell"
	ReadVends      Right = "vend.read"
	Reverse        Right = "vend.reverse"
	UseTill        Right = "till.use"   // open, count and close a till of the utility
	ReadTills      Right = "till.read"  // all shifts and their cash
	ShowTokens     Right = "token.show" // full digits of the sales that the actor may see; without this right the digits are masked
	ReadTariffs    Right = "tariff.read"
	WriteTariffs   Right = "tariff.write"
	ReadLedger     Right = "ledger.read"
	ReadAudit      Right = "audit.read"
	ReadSettings   Right = "settings.read"
	WriteSettings  Right = "settings.write"
	ManageKeys     Right = "key.manage" // API keys; a meter's STS attributes belong to WriteMeters
	ManagePeople   Right = "people.manage"
	ManageVendors  Right = "vendor.manage"  // register vendors, set their terms
	DepositFloat   Right = "vendor.deposit" // book what a vendor paid in
	ReadVendors    Right = "vendor.read"    // all vendors and their money
	ReadFloat      Right = "vendor.float"   // one vendor's money: a vendor's key sees its own
	IssueTokens    Right = "token.issue"    // key changes and engineering tokens
	IssueUnits     Right = "token.free"     // units that nobody pays for: replacements and free issues
	WriteDebts     Right = "debt.write"     // raise debts
	AdjustLedger   Right = "ledger.adjust"  // write off debts, give goodwill
	SendTokens     Right = "token.send"     // send a token to its meter, even without the right to see its digits
	DecideReadings Right = "reading.decide" // accept, rebase or discard readings that cannot be true
	ReadPayments   Right = "payment.read"
	DecidePayments Right = "payment.decide" // say which meter a payment is for, give it back, or reject it
	SendMessages   Right = "message.send"   // send messages to customers' telephones and meters' SIMs, and send a message again
)

// Roles lists every role in the order of docs/reference/http.md#keys-and-roles.
func Roles() []Role {
	return []Role{Owner, TariffManager, Engineer, Operator, Supervisor, Finance, Support, Installer, Auditor,
		VendorAPI, CustomerRole, DeviceRole}
}

// Rights lists every right.
func Rights() []Right {
	return []Right{ReadMeters, WriteMeters, ReadCustomers, WriteCustomers, SendCommands, Quote, Sell, ReadVends, Reverse, UseTill, ReadTills,
		ShowTokens, ReadTariffs, WriteTariffs, ReadLedger, ReadAudit, ReadSettings, WriteSettings, ManageKeys, ManagePeople,
		ManageVendors, DepositFloat, ReadVendors, ReadFloat, IssueTokens, IssueUnits, WriteDebts, AdjustLedger, SendTokens, DecideReadings,
		ReadPayments, DecidePayments, SendMessages}
}

// rights is the table of docs/reference/http.md#keys-and-roles. The customer and the device have no right over a tenant's
// objects. They reach their own objects as owners and not by a right, so their rows are empty.
//
// vendor_api cannot read meters: a seller's key would otherwise read every household's balance. The role has
// token.show, because asking again after a time-out must give the same token; it sees only its own vendor's sales. It reads
// tariffs, because a seller must know the price and the currency.
var rights = map[Role][]Right{
	Owner:         Rights(),
	TariffManager: {ReadTariffs, WriteTariffs, ReadSettings},
	Engineer: {ReadMeters, WriteMeters, ReadCustomers, WriteCustomers, SendCommands, ReadVends, ReadTariffs,
		ReadSettings, IssueTokens, SendTokens, DecideReadings, SendMessages},
	Operator: {ReadMeters, ReadCustomers, Quote, Sell, ReadVends, UseTill, ReadTills, ShowTokens, SendTokens, ReadTariffs, ReadPayments, SendMessages},
	Supervisor: {ReadMeters, ReadCustomers, Quote, ReadVends, Reverse, UseTill, ReadTills, ShowTokens, ReadTariffs, ReadVendors, ReadFloat,
		IssueUnits, SendTokens, ReadPayments, SendMessages},
	Finance: {ReadMeters, ReadCustomers, ReadVends, ReadTills, ReadTariffs, ReadLedger, ReadSettings, ManageVendors,
		DepositFloat, ReadVendors, ReadFloat, WriteDebts, AdjustLedger, DecideReadings, ReadPayments, DecidePayments},
	Support:   {ReadMeters, ReadCustomers, Quote, ReadVends, SendTokens, ReadTariffs, ReadPayments, SendMessages},
	Installer: {ReadMeters, WriteMeters, ReadCustomers, WriteCustomers, ReadTariffs},
	Auditor: {ReadMeters, ReadCustomers, ReadVends, ReadTills, ReadTariffs, ReadLedger, ReadAudit,
		ReadSettings, ReadVendors, ReadFloat, ReadPayments},
	VendorAPI:    {Quote, Sell, ReadVends, ShowTokens, ReadTariffs, ReadFloat},
	CustomerRole: {},
	DeviceRole:   {},
}

// Known reports whether r is a role of this version.
func (r Role) Known() bool {
	_, ok := rights[r]
	return ok
}

// May reports whether the role has the right.
func (r Role) May(right Right) bool {
	for _, has := range rights[r] {
		if has == right {
			return true
		}
	}
	return false
}

// covers reports whether the role has every right of another role.
func (r Role) covers(other Role) bool {
	return !slices.ContainsFunc(rights[other], func(right Right) bool { return !r.May(right) })
}

// atCounter reports whether a session that was opened with a PIN may have the right: to sell, and to read what selling needs. A PIN opens
// nothing else, whatever the role of its person.
func (r Right) atCounter() bool {
	switch r {
	case Quote, Sell, ReadVends, ShowTokens, ReadTariffs, ReadFloat:
		return true
	}
	return false
}

// needsPassword refuses an actor who signed in with a PIN. It guards what people may do with their own accounts, for which they need no right.
func (a Actor) needsPassword() refusal.Refusal {
	if a.Device.IsZero() {
		return refusal.Refusal{}
	}
	return refuse.PinNotEnough()
}

// May reports whether the actor has the right. A vendor's key without a vendor has no rights. The use case checks the scope
// (whose sales, which region) itself, with [Actor.Sees] and [Actor.OfUtility].
func (a Actor) May(r Right) bool {
	return !a.vendorless() && a.Role.May(r) && (a.Device.IsZero() || r.atCounter())
}

// vendorless reports whether the actor is a vendor's key without its vendor.
// Quiet is the actor without the right to see digits. Reads by this actor open no token, so the audit log does not record that somebody saw one.
func (a Actor) Quiet() Actor {
	if a.May(ShowTokens) && a.May(ReadVends) {
		a.Role = Support
	}
	return a
}

func (a Actor) vendorless() bool { return a.Role == VendorAPI && a.Vendor.IsZero() }

// OfUtility reports whether the actor belongs to the utility and not to a vendor. Such an actor sees every vendor's sales and a meter's
// tokens, if it has the rights. A vendor's key never belongs to the utility, and neither does any other actor with a vendor.
func (a Actor) OfUtility() bool { return a.Role != VendorAPI && a.Vendor.IsZero() }

// Sees reports whether the actor may look at the sales of a vendor; the zero vendor is the tenant itself.
func (a Actor) Sees(vendor id.ID) bool {
	return a.OfUtility() || !a.Vendor.IsZero() && vendor == a.Vendor
}

// Needs is the refusal for an actor without the right; the zero Refusal when the actor has it.
func (a Actor) Needs(r Right) refusal.Refusal {
	switch {
	case a.May(r) && a.Stale && r.NeedsFreshProof():
		return refuse.ProofTooOld(int64(ProofFresh / time.Minute))
	case a.May(r):
		return refusal.Refusal{}
	case a.vendorless():
		return refuse.VendorKeyWithoutVendor()
	case a.Role.May(r):
		return a.needsPassword()
	case a.Role == "":
		return refuse.RoleMissing(string(r))
	}
	return refuse.RightMissing(string(a.Role), string(r))
}
