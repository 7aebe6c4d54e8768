package meter

import "github.com/paywatt/paywatt/unit"

// History is one of the rings of records that a host keeps beside the state (domain reference §4.10).
type History uint8

// The histories, each with the number of records it keeps.
const (
	HistoryNone History = iota
	// HistoryDays: 62 rows of closed days.
	HistoryDays
	// HistoryMonths: 24 rows of closed months.
	HistoryMonths
	// HistoryTokens: 50 reports of tokens.
	HistoryTokens
	// HistoryEvents: 500 reports of events.
	HistoryEvents

	histories
)

// Keep returns how many records the history keeps.
func (h History) Keep() int {
	return [histories]int{HistoryDays: 62, HistoryMonths: 24, HistoryTokens: 50, HistoryEvents: 500}[h%histories]
}

// Row is one row of the history of days or months.
type Row struct {
	// Kind is HistoryDays or HistoryMonths.
	Kind History
	// Date is the local day, or the first day of the month.
	Date Date
	// Register is the total register at the end, Used what was imported, Tokens what tokens have brought.
	Register, Used, Tokens unit.Energy
	// Of days only: Min and Max are the least and the most credit as the customer sees it, Peak the highest load, OffMinutes
	// for how long the supply was off, Events how many there were, Clock the worst quality of the clock.
	Min, Max   unit.Energy
	Peak       unit.Power
	OffMinutes uint16
	Events     uint16
	Clock      Clock
	// Gap marks a day that only the clock went through.
	Gap bool
}
