package wallet

// What tests look at.
var AccountAt = accountAt
