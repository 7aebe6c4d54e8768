package supply

// Crossing watches a credit fall through a threshold. The zero value is armed: the next update at or below the level
// fires. The quantity is whatever the caller counts: watt-hours in a meter, minor units of money in a wallet.
type Crossing struct {
	// Fired says that this crossing has been announced and is not re-armed yet.
	Fired bool
}

// Update takes the present value and reports whether it has just crossed the level downwards: at or below it, for the
// first time since the threshold was armed. It re-arms when the value reaches level + margin, so that a value that
// dances around the level warns once.
func (c *Crossing) Update(value, level, margin int64) (crossed bool) {
	switch {
	case value <= level:
		crossed = !c.Fired
		c.Fired = true
	case value >= level+margin:
		c.Fired = false
	}
	return crossed
}

// Margin returns how far above a level a credit must rise to re-arm the warning: a tenth of the level, rounded down,
// and at least least (500 Wh in a meter).
func Margin(level, least int64) int64 { return max(level/10, least) }
