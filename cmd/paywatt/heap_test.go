package main

import (
	"runtime"
	"testing"
)

func TestGarbageIsLeftLyingBelowTheFloor(t *testing.T) {
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.GC() // garbage of other tests does not count
		runtime.ReadMemStats(&m)
		before := m.NumGC
		for range heapFloor / 2 >> 16 {
			keepsNothing(make([]byte, 1<<16))
		}
		runtime.ReadMemStats(&m)
		return m.NumGC - before
	}
	keep := withFloor()
	defer keep()
	const tries = 3 // the runtime also collects every two minutes, whatever there is
	for range tries {
		if collections() == 0 {
			return
		}
	}
	t.Errorf("garbage of half the floor was collected each of %d times, want never", tries)
}

//go:noinline
func keepsNothing([]byte) {}
