package main

import "runtime"

// heapFloor is the memory in bytes below which garbage collection is not worth its time. A server has few live objects and
// makes about 20 kB of garbage in each sale. Without a floor, Go would collect every few hundred sales and compete with the
// writer that all sales wait for.
const heapFloor = 64 << 20

// withFloor lets the heap grow by twice heapFloor before garbage is collected, and from there on as usual. The floor is an allocation that
// is never touched, so it takes no physical memory; the returned function keeps the allocation alive.
func withFloor() (keep func()) {
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
