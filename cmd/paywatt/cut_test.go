//go:build !race

package main

// cutEvery is at which of its bytes a recharge by SMS is cut: at all.
const cutEvery = 1
