package localday_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
)

// TestAZoneIsKnownOrNamed: a zone that nobody knows is an error that names it, and the zone of the machine is none.
func TestAZoneIsKnownOrNamed(t *testing.T) {
	for name, want := range map[string]string{"Africa/Nairobi": "Africa/Nairobi", "UTC": "UTC", "": "UTC"} {
		if z, err := localday.LoadZone(name); err != nil || z.String() != want {
			t.Errorf("%q is zone %v, %v; want %s", name, z, err, want)
		}
	}
	for _, name := range []string{"Africa/Nowhere", "Local", "../etc/passwd", "/etc/localtime"} {
		z, err := localday.LoadZone(name)
		if no := (*localday.ZoneError)(nil); !errors.As(err, &no) || no.Name != name || z != nil {
			t.Errorf("%q is zone %v, %v; want an error that names it", name, z, err)
		}
	}
}

// TestZonesWithoutThoseOfTheMachine: the program has the zones itself, also if ZONEINFO names an empty folder or none.
func TestZonesWithoutThoseOfTheMachine(t *testing.T) {
	const asked = "LOCALDAY_ZONE"
	if name := os.Getenv(asked); name != "" { // in the process that this test starts
		z, err := localday.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Date(2026, 11, 20, 12, 0, 0, 0, z).Format(time.RFC3339); got != "2026-11-20T12:00:00+03:00" {
			t.Errorf("noon is %s", got)
		}
		return
	}
	empty := t.TempDir()
	for _, folder := range []string{empty, filepath.Join(empty, "nowhere")} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestZonesWithoutThoseOfTheMachine$")
		cmd.Env = []string{asked + "=Africa/Nairobi", "ZONEINFO=" + folder}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("ZONEINFO=%s: %v\n%s", folder, err, out)
		}
	}
}
