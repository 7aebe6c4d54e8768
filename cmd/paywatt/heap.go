package main

import "runtime"

// heapFloor is the memory in bytes below which collecting garbage is not worth its time. A server that sells has few
// live objects and makes some twenty kilobytes of garbage in every sale: left alone, Go would collect it every few
// hundred sales, beside the writer that all of them wait for.
const heapFloor = 64 << 20

// withFloor lets the heap grow by twice heapFloor before garbage is collected, and from there on as usual. The floor is
// memory that nobody touches, so that the system never provides it; the function returned keeps it.
func withFloor() (keep func()) {
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
