package apiv1

import "time"

// Supply is the state of a wallet meter's supply, and why.
type Supply struct {
	Meter     string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	State     string     `json:"state" enum:"on,pending_cutoff,cutting,off,connecting,armed,unknown" doc:"pending_cutoff: no money is left, and waits says why the supply is still on; cutting: the meter has yet to open its relay; connecting: it has yet to close it; armed: the relay waits for a key press; unknown: the meter has reported nothing"`
	Wanted    bool       `json:"wanted" doc:"What the server wants; the meter may not know yet"`
	Reasons   []string   `json:"reasons" doc:"Why it is not wanted: CREDIT for lack of money, REMOTE for a person's cut"`
	By        string     `json:"by,omitempty" doc:"Who cut it"`
	Why       string     `json:"why,omitempty" doc:"Why it was cut, if a person did"`
	Waits     string     `json:"waits,omitempty" enum:"protected,held,unheard,stale,friendly,notice" doc:"Why it is on although no money is left. protected: never cut off; held: a doubtful register waits for a decision; unheard: the meter could not be heard; stale: its newest reading is too old; friendly: a supply-friendly window is open; notice: the customer was warned too recently"`
	WaitsTo   *time.Time `json:"waits_until,omitempty" doc:"When that ends, if the time is known; for friendly in the meter's time"`
	OutSince  *time.Time `json:"out_since" doc:"When the money ran out; null while some is left"`
	PressKey  bool       `json:"press_key" doc:"Somebody must press # at the meter for the supply to return"`
	Available Amount     `json:"available" doc:"Estimate of what is left of the wallet"`
	DaysLeft  *DaysLeft  `json:"days_left" doc:"null if there is too little use to estimate it"`
	Lease     *Lease     `json:"lease" doc:"null without one"`
	Protected bool       `json:"protected" doc:"Never cut off for lack of money"`
	GraceWh   int64      `json:"lease_grace_wh" doc:"At the end of a lease's time: -1: only its energy counts; 0: the supply goes off; N: the meter may use N Wh more"`
}

// DaysLeft says for how many days the money lasts.
type DaysLeft struct {
	Least  int64 `json:"least" doc:"If every day were like the dearest of the last 14, the top tenth left out"`
	Likely int64 `json:"likely" doc:"If every day were like the median day"`
	Most   int64 `json:"most" doc:"If every day were like the cheapest, the lowest tenth left out"`
}

// Lease is what a meter may use without asking again.
type Lease struct {
	MaxRegisterWh int64     `json:"max_register_wh" doc:"Register up to which the meter may count, in Wh"`
	LeftWh        int64     `json:"left_wh" doc:"Energy left until then, in Wh"`
	At            time.Time `json:"at" doc:"When the server issued it"`
	Waiting       bool      `json:"waiting" doc:"A newer one is on its way"`
}

// SupplyChange is a change of the supply of an account; nil fields stay.
type SupplyChange struct {
	Protected *bool  `json:"protected,omitempty" doc:"Never cut off for lack of money"`
	GraceWh   *int64 `json:"lease_grace_wh,omitempty" doc:"At the end of a lease's time: -1: only its energy counts; 0: the supply goes off; N: the meter may use N Wh more"`
	Reason    string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// Reason is the reason for an action. It is the body of every action that needs nothing else.
type Reason struct {
	Reason string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// Switched is the result of cutting or restoring a supply.
type Switched struct {
	Effect  string   `json:"effect" doc:"What happens now"`
	Reasons []string `json:"reasons" doc:"Why the supply is still off"`
	Command *Command `json:"command" doc:"The command to the meter; null if none is needed"`
}
