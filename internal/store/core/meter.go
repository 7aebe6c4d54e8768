package core

// Lists of statuses in SQL: of meters that were removed or scrapped, and of all that no longer supply the account that their rows name.
const (
	GoneMeters = `('removed', 'scrapped')`
	LeftMeters = `('blocked', 'removed', 'scrapped')`
)
