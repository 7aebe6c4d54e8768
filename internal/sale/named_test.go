package sale_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
)

// numbered are sales by the exact numbers of their receipts.
type numbered map[string]id.ID

func (n numbered) VendNumbered(no string) (id.ID, error) { return n[no], nil }

// TestASaleIsNamedByItsReceipt: the size of letters does not matter, unless two outlets differ only in it.
func TestASaleIsNamedByItsReceipt(t *testing.T) {
	main, upper, lower, other, marked := id.ID{1}, id.ID{2}, id.ID{3}, id.ID{4}, id.ID{5}
	all := numbered{"main-000001": main, "V001-000001": upper, "v001-000001": lower, "KIOSK-000001/2": other, "KIOSK-000001/2bcdf": marked}
	for named, want := range map[string]id.ID{
		"main-000001": main, " Main-000001": main, "MAIN-000001": main, "kiosk-000001/2": other, main.Text(id.Vend): main,
		"KIOSK-000001/2bcdf": marked, "kiosk-000001/2BCDF": marked, "KIOSK-000001/2BCDF": marked, "kiosk-000001/2bcdg": {},
		"V001-000001": upper, "v001-000001": lower, "main-000002": {}, "": {},
	} {
		if got, err := sale.Named(all, named); err != nil || got != want {
			t.Errorf("%q names %v, %v, want %v", named, got, err, want)
		}
	}
	both := numbered{"KIOSK-1": upper, "kiosk-1": lower}
	if got, err := sale.Named(both, "Kiosk-1"); err != nil || !got.IsZero() {
		t.Errorf("a number that may mean two sales names %v, %v", got, err)
	}
}
