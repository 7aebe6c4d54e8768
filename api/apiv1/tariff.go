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
	Standing      string    `json:"standing,omitempty" enum:"in force,to come,past,replaced,withdrawn,withdrawal" doc:"In a list of versions: its state now. Three states are never in force. replaced: another version took its place, perhaps after it had begun, to correct its fixed charges. withdrawn: it was taken back. withdrawal: it takes another version back"`
}

// NewTariffVersion is a further version of a tariff to publish. Without EffectiveFrom it begins at once.
// If it replaces a version, it begins when that one begins. If that one has begun, only its fixed charges may become smaller.
type NewTariffVersion struct {
	Price
	EffectiveFrom *time.Time `json:"effective_from,omitempty" doc:"When the version begins; default: at once"`
	Replaces      int        `json:"replaces,omitempty" doc:"Number of a version whose place this one takes, from its beginning on. If it has begun, only its fixed charges may become smaller: they are charged anew, and customers get back what they paid too much"`
}

// TariffCorrectionPlan is what a correction of a version that has begun would do now.
type TariffCorrectionPlan struct {
	Accounts  int    `json:"accounts" doc:"Accounts that were on the tariff at some time; at most 1,000 are counted here and below"`
	More      bool   `json:"more" doc:"There are more of them, which are not in these figures"`
	Changed   int    `json:"changed" doc:"Accounts whose charges become smaller, or that get money back"`
	Waiting   int    `json:"waiting" doc:"Those of them with a sale under way, which are corrected when it has ended"`
	LessMinor int64  `json:"less_minor" doc:"What is not paid yet and is not owed any more, in minor units"`
	BackMinor int64  `json:"back_minor" doc:"What was paid too much and goes back, in minor units"`
	Currency  string `json:"currency" doc:"Currency of the amounts"`
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
