package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
)

// floorAlone is the environment variable of a test that has a process of its own, because other tests use memory too.
const floorAlone = "PAYWATT_TEST_FLOOR_ALONE"

// TestTheFloorTakesNoMemory also where Go has to write zeros, because something was there before.
func TestTheFloorTakesNoMemory(t *testing.T) {
	if os.Getenv(floorAlone) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), floorAlone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	keepsNothing(bytes.Repeat([]byte{1}, 4*heapFloor))
	runtime.GC()
	keep := withFloor()
	defer keep()
	debug.FreeOSMemory() // all but the floor
	if resident := residentMemory(t); resident > heapFloor {
		t.Errorf("with a floor of %d bytes, %d bytes are in memory: the floor is among them", heapFloor, resident)
	}
}

// residentMemory returns how many bytes of this process are in memory.
func residentMemory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var total, resident int
	if _, err := fmt.Sscan(string(b), &total, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}
