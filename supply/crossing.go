package supply

// Crossing detects when a credit falls through a threshold. The zero value is for a credit above the threshold, with
// the warning armed. Begin with Below set if there is no credit yet, so that only a later fall counts. The unit is the
// caller's: watt-hours in a meter, minor units of money in a wallet.
type Crossing struct {
	// Below means that the value was at or below the level at the last update.
	Below bool
	// Fired means that a crossing was announced and the warning is not re-armed yet.
	Fired bool
}

// Update takes the present value and reports whether the value has just fallen to the level or below while the
// warning was armed. The warning is armed again when the value reaches level + margin, so that a value that
// oscillates around the level warns only once.
func (c *Crossing) Update(value, level, margin int64) (crossed bool) {
	below := value <= level
	crossed = below && !c.Below && !c.Fired
	switch {
	case crossed:
		c.Fired = true
	case !below && value >= level+margin:
		c.Fired = false
	}
	c.Below = below
	return crossed
}

// Credited takes the value after a credit and reports whether it is still at or below the level. If it is, no crossing
// can follow, so the caller should warn now. If the value is above the level, Credited arms the warning. It needs no
// margin, because payments do not make the value oscillate around the level.
func (c *Crossing) Credited(value, level int64) (short bool) {
	c.Below = value <= level
	c.Fired = c.Below
	return c.Below
}

// Margin returns how far above a level a credit must rise to re-arm the warning. It is a tenth of the level, rounded
// down, but never less than the parameter least. A meter passes 500 Wh for least.
func Margin(level, least int64) int64 { return max(level/10, least) }
