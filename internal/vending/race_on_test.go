//go:build race

package vending

// purchases is how many random purchases are made: fewer under the race detector, because they test arithmetic.
const purchases = 20_000
