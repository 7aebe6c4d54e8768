package sim

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
)

// Limits of a WalletStreet. LeastPlantDays is the fewest days that a street with a planted mistake may have.
const (
	MaxWallets     = 10_000
	MaxLoss        = 50
	LeastPlantDays = 11
)

// OrdinaryWallets returns a street in which money runs out all the time. Fixed charges use up money for which leases were
// already signed, and friendly windows forbid cut-offs. Some accounts are protected or have several meters. People pay
// late, some registers cannot be true, persons cut supplies off, and customers move. After five ninths of the time the
// server is down for two days. The network loses no messages.
func OrdinaryWallets(meters, days int, seed uint64) WalletStreet {
	down := days * 24 * 5 / 9
	return WalletStreet{Meters: meters, Days: days, Seed: seed, Start: usualStart(), Paid: 6000, Again: 4000, Daily: 200, Protected: 50, Several: 5,
		DownFrom: down, DownTo: down + 48, Spoilt: 400, Switched: 700, Moves: 1500,
		Supply: registry.SupplyPolicy{Windows: []string{"fri,sat 18:00-07:00"}}}
}

// Possible reports whether a street with these options can be simulated.
func (o WalletStreet) Possible() bool {
	return o.Meters >= 1 && o.Meters <= MaxWallets && o.First >= 0 && o.Days >= 1 && o.Days <= MaxDays && o.Loss >= 0 && o.Loss <= MaxLoss &&
		(o.Plant == "" || o.Days >= LeastPlantDays && slices.Contains(Plants(), o.Plant))
}

// Line returns the command that repeats an ordinary street.
func (o WalletStreet) Line() string {
	line := fmt.Sprintf("paywatt sim --mode wallet --meters %d --days %d --seed %d", o.Meters, o.Days, o.Seed)
	if o.Loss > 0 {
		line += fmt.Sprintf(" --loss %d", o.Loss)
	}
	if o.Away {
		line += " --away"
	}
	if o.First > 0 {
		line += fmt.Sprintf(" --first %d", o.First)
	}
	if o.Plant != "" {
		line += " --plant " + o.Plant
	}
	return line + startOption(o.Start)
}

// hash returns the hash of the balances and the rated energy.
func (r *WalletStreetResult) hash() string {
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, r.Balances, r.Rated, int64(r.Used)) // writing to a hash never fails
	return fmt.Sprintf("%016x", h.Sum64())
}

// Minutes returns a duration in minutes, rounded up.
func Minutes(d time.Duration) int64 { return int64((d + time.Minute - 1) / time.Minute) }
