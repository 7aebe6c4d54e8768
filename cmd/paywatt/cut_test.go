//go:build !race

package main

// cutEvery is the step between the bytes at which a recharge by SMS is cut: every byte.
const cutEvery = 1
