//go:build race

package main

// cutEvery is the number of bytes between two power cuts tried during a recharge by SMS. The race detector is slow, so only every 61st byte
// is tried.
const cutEvery = 61
