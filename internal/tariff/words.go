package tariff

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
)

// Runs lists the days of a set as runs, each by its first and last day. A holiday is a run of its own.
func (s DaySet) Runs() (runs [][2]Day) {
	for d := Monday; d < days; d++ {
		if !s.Has(d) {
			continue
		}
		first := d
		for d+1 < Feast && s.Has(d+1) {
			d++
		}
		runs = append(runs, [2]Day{first, d})
	}
	return runs
}

// PercentText writes basis points as per cent, with only the decimals that are needed: "15 %", "7.5 %".
func PercentText(b money.Bps) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%02d", b/100, b%100), "0")
	return strings.TrimSuffix(s, ".") + " %"
}
