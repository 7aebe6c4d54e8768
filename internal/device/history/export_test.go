package history

import "github.com/paywatt/paywatt/meter"

// Days, Months, Tokens and Events return the rings, oldest first, including what is hidden.

func (r *Rings) Days() []meter.Row   { return append([]meter.Row(nil), r.days...) }
func (r *Rings) Months() []meter.Row { return append([]meter.Row(nil), r.months...) }
func (r *Rings) Tokens() []Token     { return append([]Token(nil), r.tokens...) }
func (r *Rings) Events() []Event     { return append([]Event(nil), r.events...) }
