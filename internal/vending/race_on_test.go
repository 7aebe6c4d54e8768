//go:build race

package vending

// purchases is how many random purchases are made: fewer under the race detector, which is not what they are about.
const purchases = 20_000
