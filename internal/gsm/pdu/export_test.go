package pdu

// Open is the number of unfinished messages.
func (a *Assembler) Open() int { return len(a.open) }
