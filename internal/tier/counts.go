package tier

// The counts of all random tests: {in go test -short, in ./check, in ./check long}. A count is of what its comment says.
var (
	// vending

	// app, store

	// sim, wallet

	// gateway, gsm, profile, device

	// e2e
)
