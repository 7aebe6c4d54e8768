//go:build !race

package main

// cutEvery is the number of bytes between two power cuts tried during a recharge by SMS: here the power is cut at every byte.
const cutEvery = 1
