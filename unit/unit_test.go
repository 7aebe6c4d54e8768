package unit_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/unit"
)

func TestDisplayTruncatesTowardsZero(t *testing.T) {
	for _, c := range []struct {
		e        unit.Energy
		decimals int
		want     string
	}{
		{8129, 2, "8.12"}, {8129, 1, "8.1"}, {8129, 0, "8"}, {8129, 3, "8.129"},
		{0, 2, "0.00"}, {5, 2, "0.00"}, {10, 2, "0.01"}, {-50, 1, "0.0"}, {-150, 1, "-0.1"}, {-8129, 2, "-8.12"},
		{34700, 1, "34.7"}, {1_638_300, 1, "1638.3"},
	} {
		if got := c.e.KWh(c.decimals); got != c.want {
			t.Errorf("Energy(%d).KWh(%d) = %q, want %q", int64(c.e), c.decimals, got, c.want)
		}
	}
}

func TestTenthsAreWholeQuanta(t *testing.T) {
	for tenths := int64(0); tenths < 20000; tenths++ {
		if got := unit.FromTenths(tenths).Tenths(); got != tenths {
			t.Fatalf("FromTenths(%d).Tenths() = %d", tenths, got)
		}
	}
	if got := unit.Energy(199).Tenths(); got != 1 {
		t.Errorf("199 Wh = %d tenths, want 1", got)
	}
}

func ExampleEnergy_KWh() {
	bought := unit.Energy(34_700)
	fmt.Println(bought.KWh(1), "kWh")
	fmt.Println(bought)
	fmt.Println(unit.Power(381))
	// Output:
	// 34.7 kWh
	// 34.700 kWh
	// 381 W
}
