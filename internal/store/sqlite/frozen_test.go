package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestFrozenDataGoOn reads, backs up, restores and upgrades data folders of earlier builds, and checks that their content is unchanged.
func TestFrozenDataGoOn(t *testing.T) {
	tier.World(t)
	tier.Slow(t)
	for _, d := range frozen.Of(t, "sqlite") {
		t.Run(d.Name, func(t *testing.T) {
			before := content(t, d.Dir)
			sales := d.Facts.Tables["vend"].Rows
			if r := verify(t, d.Dir); !r.Sound() || figure(r, "sales") != sales {
				t.Errorf("before the upgrade: %d sales of %d, findings %v", figure(r, "sales"), sales, r.Findings)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			m, err := sqlite.Backup(t.Context(), d.Dir, backup, fixed)
			if err != nil || m.Schema != d.Facts.Schema {
				t.Fatalf("back up before the upgrade: schema %d, %v", m.Schema, err)
			}
			if _, r, err := sqlite.VerifyBackup(t.Context(), backup); err != nil || !r.Sound() || figure(r, "sales") != sales {
				t.Errorf("the backup: %v, %+v", err, r)
			}
			if content(t, d.Dir) != before {
				t.Error("looking at the folder changed it")
			}
			e, err := sqlite.Open(d.Dir, sqlite.Options{Reserve: -1})
			if err != nil {
				t.Fatal(err)
			}
			d.Facts.Check(t, e)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if r := verify(t, d.Dir); !r.Sound() || figure(r, "sales") != sales || r.Older != 0 {
				t.Errorf("after the upgrade: %d sales of %d, findings %v", figure(r, "sales"), sales, r.Findings)
			}
			// Restore the backup from before the upgrade over the upgraded folder, and over a folder that was not upgraded.
			for _, over := range []string{d.Dir, copyDir(t, backup)} {
				if err := os.Remove(filepath.Join(over, "manifest.json")); err != nil && over != d.Dir {
					t.Fatal(err)
				}
				now := func() time.Time { return d.Facts.Now }
				if _, _, err := sqlite.Restore(t.Context(), backup, over, true, now, ""); err != nil {
					t.Fatal(err)
				}
				if r := verify(t, over); !r.Sound() || figure(r, "sales") != sales {
					t.Errorf("restored: %d sales of %d, findings %v", figure(r, "sales"), sales, r.Findings)
				}
			}
		})
	}
}
