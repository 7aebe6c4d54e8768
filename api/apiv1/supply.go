package apiv1

import "time"

// Supply is the state of a wallet meter's supply, with the reasons for it.
type Supply struct {
	Meter     string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	State     string     `json:"state" enum:"on,pending_cutoff,cutting,off,connecting,armed,unknown" doc:"pending_cutoff: no credit is left, and waits says why the supply is still on; cutting: the order to open the relay is on its way; connecting: the order to close it is on its way; armed: the relay waits for a key press; unknown: the meter has not reported yet"`
	Wanted    bool       `json:"wanted" doc:"Whether the supply should be on; the meter may not know yet"`
	Reasons   []string   `json:"reasons" doc:"Why the supply should be off: CREDIT for lack of money, REMOTE for a cut by a person"`
	By        string     `json:"by,omitempty" doc:"Who cut the supply"`
	Why       string     `json:"why,omitempty" doc:"Why it was cut, if a person did"`
	Waits     string     `json:"waits,omitempty" enum:"protected,held,unheard,stale,friendly,notice" doc:"Why the supply is on without credit. protected: never cut off; held: a doubtful register waits for a decision; unheard: the meter has not reported since the server lost contact; stale: the newest reading is too old; friendly: friendly hours; notice: the customer was warned too recently"`
	WaitsTo   *time.Time `json:"waits_until,omitempty" doc:"When the wait ends, if that time is known; for friendly in the meter's time"`
	OutSince  *time.Time `json:"out_since" doc:"Since when no credit is left; null while there is some"`
	PressKey  bool       `json:"press_key" doc:"Whether somebody must press # at the meter for the supply to return"`
	Available *Amount    `json:"available" doc:"Live estimate of the wallet; null for a meter that was replaced"`
	DaysLeft  *DaysLeft  `json:"days_left" doc:"How many days the money lasts; null if there are too few days of use to estimate from, and for a meter that was replaced"`
	Lease     *Lease     `json:"lease" doc:"The lease; null without one"`
	Protected bool       `json:"protected" doc:"Whether the account is protected: never cut off for lack of money"`
	Emergency *Emergency `json:"emergency,omitempty" doc:"The supply that one person restored on credit, while it lasts"`
	GraceWh   int64      `json:"lease_grace_wh" doc:"What happens when the time of a lease ends: -1: only its energy limits the supply; 0: the supply goes off; N: the meter may use N Wh more"`
}

// DaysLeft says for how many days money or energy lasts.
type DaysLeft struct {
	Least  int64 `json:"least" doc:"Days if every day used as much as the most expensive tenth of recent days"`
	Likely int64 `json:"likely" doc:"Days if every day used the median of recent days"`
	Most   int64 `json:"most" doc:"Days if every day used as little as the cheapest tenth of recent days"`
}

// Lease is what a meter may use without asking again.
type Lease struct {
	MaxRegisterWh int64     `json:"max_register_wh" doc:"Register up to which the meter may count, in Wh"`
	LeftWh        int64     `json:"left_wh" doc:"Energy left of the lease, in Wh"`
	At            time.Time `json:"at" doc:"When the server issued it"`
	Waiting       bool      `json:"waiting" doc:"Whether a newer lease is on its way"`
}

// SupplyChange is a change of the supply of an account; nil fields stay.
type SupplyChange struct {
	Protected *bool  `json:"protected,omitempty" doc:"Whether the account is protected: never cut off for lack of money"`
	GraceWh   *int64 `json:"lease_grace_wh,omitempty" doc:"What happens when the time of a lease ends: -1: only its energy limits the supply; 0: the supply goes off; N: the meter may use N Wh more"`
	Reason    string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// Emergency is a supply that one person restored on credit. The account pays for its use.
type Emergency struct {
	Until    time.Time `json:"until" doc:"When it ends"`
	EnergyWh int64     `json:"energy_wh" doc:"Energy after which it ends"`
	Floor    Amount    `json:"floor" doc:"Balance at which it ends: the balance at its start, less the price of its energy"`
	By       string    `json:"by" doc:"Who restored the supply"`
	Reason   string    `json:"reason" doc:"Why"`
}

// NewEmergency asks to restore a supply on credit.
type NewEmergency struct {
	Hours    int64  `json:"hours" example:"12" doc:"Hours until it ends, 1 to 24"`
	EnergyWh int64  `json:"energy_wh" example:"5000" doc:"Energy after which it ends, 100 to 100000"`
	Reason   string `json:"reason" doc:"Why, in a few words; written to the audit log and shown in the daily report"`
}

// Reason is the reason for an action. It is the body of every action that needs nothing else.
type Reason struct {
	Reason string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// Switched is the result of cutting or restoring a supply.
type Switched struct {
	Effect  string   `json:"effect" doc:"What happens now, in a sentence"`
	Reasons []string `json:"reasons" doc:"Why the supply is still off"`
	Command *Command `json:"command" doc:"Command to the meter; null if it needs none"`
}
