package people

// WalletKey is the name of what the tenant decided about wallets in its settings.
const WalletKey = "wallet"

// SupplyKey is the name of what it decided about cutting off and leases.
const SupplyKey = "supply"
