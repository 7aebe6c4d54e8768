package apiv1

import "time"

// NewTariffChange asks to price the account of a meter by another tariff, or to take such a change back before it begins.
type NewTariffChange struct {
	Tariff   string     `json:"tariff,omitempty" example:"shops" doc:"Name or id of the other tariff; not needed with withdraw"`
	From     *time.Time `json:"from,omitempty" doc:"When it begins to price the account; default: at once. A moment in the past is refused"`
	Withdraw bool       `json:"withdraw,omitempty" doc:"Take back the change that has not begun"`
	Reason   string     `json:"reason" maxLength:"200" doc:"Why, in a few words; written to the audit log. A plan needs none"`
}

// TariffChange is a change of the tariff of a meter's account, or what one would do.
type TariffChange struct {
	ID           string    `json:"id,omitempty" example:"tch_01jd00000000000000000000000" doc:"Id of the change; missing for a plan"`
	Meter        string    `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Account      string    `json:"account" example:"acc_01jd00000000000000000000000" doc:"Id of the account, of which all meters change"`
	Before       string    `json:"before" example:"domestic" doc:"Name of the tariff that would price the account without the change"`
	After        string    `json:"after" example:"shops" doc:"Name of the tariff that prices it with the change"`
	From         time.Time `json:"from" doc:"When the change begins. Sales and readings from before keep their price"`
	Withdraws    int       `json:"withdraws,omitempty" doc:"Number of the change that is taken back"`
	SecondPerson bool      `json:"second_person" doc:"The change makes something cheaper for the customer, so it takes a second person where four eyes apply"`
	Currency     string    `json:"currency,omitempty" example:"KES" doc:"Currency of the amounts"`
	PaysMinor    int64     `json:"pays_minor,omitempty" doc:"The next purchase: as much as the newest one, or the price of 20 kWh. The figures of purchase and month are missing without the right vend.read"`
	BuysBeforeWh *int64    `json:"buys_before_wh,omitempty" doc:"Energy that it buys without the change, without charges and debts that are due; missing if energy itself costs nothing"`
	BuysAfterWh  *int64    `json:"buys_after_wh,omitempty" doc:"Energy that it buys with the change"`
	MonthWh      int64     `json:"month_wh,omitempty" doc:"A usual month: the mean of the last three, or 100 kWh"`
	MonthBefore  int64     `json:"month_before_minor,omitempty" doc:"What such a month costs without the change, with fixed charges, levies and tax"`
	MonthAfter   int64     `json:"month_after_minor,omitempty" doc:"What such a month costs with the change"`
	Reason       string    `json:"reason,omitempty" doc:"Why; missing for a plan"`
	By           string    `json:"by,omitempty" doc:"Who changed it; missing for a plan"`
}

// AccountTariff is one of the tariffs that the account of a meter had, has or will have.
type AccountTariff struct {
	ID          string    `json:"id,omitempty" example:"tch_01jd00000000000000000000000" doc:"Id of the change; missing for the tariff with which the account was opened"`
	N           int       `json:"n" doc:"Number of the change, from 1; 0 for the tariff with which the account was opened"`
	Tariff      string    `json:"tariff" example:"shops" doc:"Name of the tariff"`
	From        time.Time `json:"from" doc:"From when it prices the account"`
	State       string    `json:"state" enum:"past,in force,planned,withdrawn" doc:"planned: it has not begun. withdrawn: it never begins, because it was taken back, or because the account was closed before"`
	WithdrawnBy int       `json:"withdrawn_by,omitempty" doc:"Number of the change that took it back"`
	Reason      string    `json:"reason,omitempty" doc:"Why it was changed"`
	By          string    `json:"by,omitempty" doc:"Who changed it"`
	At          time.Time `json:"at" doc:"When that was decided"`
}

// AccountTariffFilter names a meter and a page of the list of its tariffs.
type AccountTariffFilter struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id of the meter"`
	Page
}

// AccountTariffs is the list of the tariffs of a meter's account.
var AccountTariffs = Listing[AccountTariffFilter, AccountTariff]{Name: "account-tariffs", Path: "/v1/meters/{meter}/tariffs", Tag: "meters",
	Summary:     "List the tariffs of a meter, the newest first",
	Description: "All tariffs that its account had, has and will have, with who changed them and why."}
