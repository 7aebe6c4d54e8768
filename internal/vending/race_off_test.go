//go:build !race

package vending

// purchases is how many random purchases are made.
const purchases = 1_000_000
