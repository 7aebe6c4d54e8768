package main

import "runtime"

// heapFloor is the memory in bytes below which garbage collection is not worth its time. A server has few live objects and
// makes about 20 kB of garbage in each sale. Without a floor, Go would collect every few hundred sales and compete with the
// writer that all sales wait for.
const heapFloor = 64 << 20

// withFloor allocates heapFloor bytes, the floor. Go collects garbage only after the heap has doubled, so at least heapFloor bytes of
// garbage gather before each collection. The floor takes no physical memory. The returned function keeps the floor alive.
func withFloor() (keep func()) {
	floor := make([]byte, heapFloor)
	releaseZeros(floor) // where something was before, such as the 64 MiB of unlocking the key store, Go has just written zeros
	return func() { runtime.KeepAlive(floor) }
}
