package wallet

// Exported for tests.
var AccountAt = accountAt
