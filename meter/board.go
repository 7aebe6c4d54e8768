package meter

// The codes of an EventBoard report facts that only the host can see (docs/reference/events.md#events-of-meters).
const (
	// CodeMismatch: the relay contact is not in the position it was driven to, or matches it again. Args: wanted,
	// matches.
	CodeMismatch Code = 404
	// CodeCard: the memory card is missing or cannot be written, or works again. Args: card.
	CodeCard Code = 703
	// CodeWorn: a page of the memory has reached its rated number of writes. Args: writes, endurance.
	CodeWorn Code = 704
	// CodeFault: the self-test found a part that does not work. Args: part.
	CodeFault Code = 901
)

// CardState is the state of the memory card; it is the argument A of CodeCard.
type CardState uint8

const (
	// CardGood: the card works, and all rows that it missed have been written.
	CardGood CardState = iota
	// CardMissing: there is no card, or it cannot be used.
	CardMissing
	// CardFull: the card is full.
	CardFull
)

var cardNames = [...]string{CardGood: "good", CardMissing: "missing", CardFull: "full"}

// String returns "good", "missing" or "full".
func (c CardState) String() string {
	if int(c) >= len(cardNames) {
		return cardNames[CardMissing]
	}
	return cardNames[c]
}

// Part is a part of the board that can fail; it is the argument A of CodeFault.
type Part uint8

const (
	// PartClock: the calendar cannot be read.
	PartClock Part = iota + 1
	// PartRelay: the relay cannot be driven, or its contact cannot be read.
	PartRelay
)

var partNames = [...]string{PartClock: "clock", PartRelay: "relay"}

// String returns "clock", "relay" or "board".
func (p Part) String() string {
	if p == 0 || int(p) >= len(partNames) {
		return "board"
	}
	return partNames[p]
}

// board reports what the host found (EventBoard).
func (x *step) board() {
	switch x.ev.Code {
	case CodeMismatch, CodeCard, CodeWorn, CodeFault:
		x.event(x.ev.Code, x.ev.A, x.ev.B)
	}
}

// boardArgs returns the arguments of an EventBoard's report by their names on the wire.
func (r *Report) boardArgs() map[string]any {
	switch r.Code {
	case CodeMismatch:
		wanted := "open"
		if r.A != 0 {
			wanted = "closed"
		}
		return map[string]any{"wanted": wanted, "matches": r.B != 0}
	case CodeCard:
		return map[string]any{"card": CardState(r.A).String()}
	case CodeWorn:
		return map[string]any{"writes": r.A, "endurance": r.B}
	default:
		return map[string]any{"part": Part(r.A).String()}
	}
}
