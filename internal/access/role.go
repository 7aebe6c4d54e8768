package access

// Role is a named set of rights.
type Role string

// The roles of the domain reference, §13.
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

// Right is one thing a role may do.
type Right string

// Rights. A right is checked by the use case that carries it out.
const (
	ReadMeters    Right = "meter.read"
	WriteMeters   Right = "meter.write"
	SendCommands  Right = "command.send"
	Quote         Right = "vend.quote"
	Sell          Right = "vend.sell"
	ReadVends     Right = "vend.read"
	Reverse       Right = "vend.reverse"
	ShowTokens    Right = "token.show" // full digits; without it they are masked
	ReadTariffs   Right = "tariff.read"
	WriteTariffs  Right = "tariff.write"
	ReadLedger    Right = "ledger.read"
	ReadAudit     Right = "audit.read"
	WriteSettings Right = "settings.write"
	ManageKeys    Right = "key.manage"
	ManagePeople  Right = "people.manage"
)
