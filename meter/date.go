package meter

import "github.com/paywatt/paywatt/supply"

// Date is a local day, in the calendar that meter and server share.
type Date = supply.Date

const secondsPerDay = 24 * 60 * 60

// ParseDate is the inverse of [supply.Date.String]. It returns false if the text is not a day from 1970-01-02 to
// 2149-06-06.
func ParseDate(text string) (Date, bool) { return supply.ParseDate(text) }
