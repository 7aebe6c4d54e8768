//go:build race

package main

// cutEvery is at which of its bytes a recharge by SMS is cut.
const cutEvery = 61
