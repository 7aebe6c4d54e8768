package people

// WalletKey is the key of the tenant's settings of wallets.
const WalletKey = "wallet"

// SupplyKey is the key of the tenant's settings of cut-offs and leases.
const SupplyKey = "supply"
