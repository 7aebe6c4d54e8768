package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// TestHeadsAreCopiedElsewhere: a running server copies its heads to a folder, a folder that is not there stops nothing, and other
// books do not match the copy.
func TestHeadsAreCopiedElsewhere(t *testing.T) {
	c, log := config(t.TempDir()), new(sharedLog)
	c.Log = slog.New(slog.NewTextHandler(log, nil))
	c.HeadsTo, c.HeadsEvery = filepath.Join(t.TempDir(), "usb"), 10*time.Millisecond
	a := start(t, c)
	run(t, a)
	tariff := func(a *app.App, dir string) {
		t.Helper()
		rate := int64(2_500_000)
		_, err := connect(t, a, dir).CreateTariff(t.Context(), apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", FlatMicro: &rate}})
		if err != nil {
			t.Fatal(err)
		}
	}
	tariff(a, c.Data)
	await.True(t, "the server misses the folder", func() bool { return strings.Contains(log.String(), "signed heads not copied") })
	if err := os.Mkdir(c.HeadsTo, 0o700); err != nil {
		t.Fatal(err)
	}
	var names []string
	await.True(t, "the server has copied heads", func() bool {
		names, _ = filepath.Glob(filepath.Join(c.HeadsTo, "heads-*.log"))
		if len(names) == 0 {
			return false
		}
		info, err := os.Stat(names[0])
		return err == nil && info.Size() > 0
	})
	r, err := app.Verify(t.Context(), c.Data, "", headlog.ExternalHeads{Heads: names[0]})
	if err != nil || !r.Sound() {
		t.Errorf("the books do not match the copied heads: %v, %v", r, err)
	}
	other := config(t.TempDir())
	b := start(t, other)
	stop := run(t, b)
	tariff(b, other.Data)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if r, err = app.Verify(t.Context(), other.Data, "", headlog.ExternalHeads{Heads: names[0]}); err == nil && r.Sound() {
		t.Error("the books of another server match the copied heads")
	}
}
