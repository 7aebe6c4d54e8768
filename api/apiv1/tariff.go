package apiv1

import "time"

// NewTariff is a price list to publish; EffectiveFrom nil means at once.
type NewTariff struct {
	Name string `json:"name" example:"domestic" doc:"Name of the tariff"`
	Price
	EffectiveFrom *time.Time `json:"effective_from,omitempty" doc:"When the version begins; default: at once"`
}

// Tariff is a published version of a price list.
type Tariff struct {
	ID        string `json:"id" doc:"Id of the tariff, the same for all its versions"`
	VersionID string `json:"version_id" doc:"Id of this version"`
	Name      string `json:"name" doc:"Name of the tariff"`
	Version   int    `json:"version" doc:"Number of this version, from 1"`
	Price
	EffectiveFrom time.Time `json:"effective_from" doc:"When the version begins; it is in force until a later one begins"`
	Words         []string  `json:"words" doc:"The tariff in sentences"`
	Withdraws     int       `json:"withdraws,omitempty" doc:"Number of the version that this one withdraws: neither of the two begins. The price is the one that went on when the version was withdrawn"`
	Standing      string    `json:"standing,omitempty" enum:"in force,to come,past,replaced,withdrawn,withdrawal" doc:"In a list of versions: its state now. Three states never begin. replaced: another version took its place. withdrawn: it was taken back. withdrawal: it takes another version back"`
}

// NewTariffVersion is a further version of a tariff to publish. Without EffectiveFrom it begins at once.
// If it replaces a version, it begins when that one would have begun.
type NewTariffVersion struct {
	Price
	EffectiveFrom *time.Time `json:"effective_from,omitempty" doc:"When the version begins; default: at once"`
	Replaces      int        `json:"replaces,omitempty" doc:"Number of a version that has not begun: this one begins in its place, at its time"`
}

// TariffWithdrawal withdraws a version that has not begun.
type TariffWithdrawal struct {
	Version int    `json:"version" doc:"Number of the version"`
	Reason  string `json:"reason,omitempty" doc:"Why, in one line of at most 120 characters; written to the audit log, and shown to the second person"`
}

// Tariffs is the list of the tariffs in force.
var Tariffs = Listing[Page, Tariff]{Name: "tariffs", Path: "/v1/tariffs", Tag: "tariffs", Summary: "List the tariffs in force"}

// TariffFilter names a tariff and a page of the list of its versions.
type TariffFilter struct {
	Tariff string `path:"tariff" maxLength:"128" doc:"Name or id of the tariff"`
	Page
}

// TariffVersions is the list of the versions of a tariff.
var TariffVersions = Listing[TariffFilter, Tariff]{Name: "tariff-versions", Path: "/v1/tariffs/{tariff}/versions", Tag: "tariffs",
	Summary: "List the versions of a tariff, the newest first"}
