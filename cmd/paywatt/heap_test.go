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
	if n := collections(); n != 0 {
		t.Errorf("garbage of half the floor was collected %d times, want never", n)
	}
	keep()
}

//go:noinline
func keepsNothing([]byte) {}
