package apiv1

import "time"

// Supply is where the supply of a wallet meter stands, and why.
type Supply struct {
	Meter     string     `json:"meter" example:"04140001001"`
	State     string     `json:"state" enum:"on,pending_cutoff,cutting,off,connecting,armed,unknown"` // on, pending_cutoff, cutting, off, connecting, armed, unknown
	Wanted    bool       `json:"wanted" doc:"What the server wants; the meter may not know yet"`
	Reasons   []string   `json:"reasons" doc:"Why it is not wanted: CREDIT for want of money, REMOTE for a person's cut"`
	By        string     `json:"by,omitempty" doc:"Who cut it"`
	Why       string     `json:"why,omitempty"`
	Waits     string     `json:"waits,omitempty" enum:"protected,held,unheard,stale,friendly,notice" doc:"Why it is on though nothing is left"`
	WaitsTo   *time.Time `json:"waits_until,omitempty" doc:"When that ends, where a clock says it: of friendly in the meter's time"`
	OutSince  *time.Time `json:"out_since" doc:"Since when nothing is left; null while there is something"`
	PressKey  bool       `json:"press_key" doc:"Somebody must press # at the meter for the supply to return"`
	Available Amount     `json:"available"`
	DaysLeft  *DaysLeft  `json:"days_left" doc:"null where there is too little use to judge by"`
	Lease     *Lease     `json:"lease" doc:"null without one"`
	Protected bool       `json:"protected"`
	GraceWh   int64      `json:"lease_grace_wh"`
}

// DaysLeft is for how many days the money lasts.
type DaysLeft struct {
	Least  int64 `json:"least" doc:"If every day were like the dearest of the last 14, but for a tenth"`
	Likely int64 `json:"likely" doc:"By the day in the middle"`
	Most   int64 `json:"most" doc:"If every day were like the cheapest"`
}

// Lease is what a meter may count without asking again.
type Lease struct {
	MaxRegisterWh int64     `json:"max_register_wh"`
	LeftWh        int64     `json:"left_wh"`
	At            time.Time `json:"at"`
	Waiting       bool      `json:"waiting" doc:"A newer one is on its way"`
}

// SupplyChange is a change of the supply of an account; nil fields stay.
type SupplyChange struct {
	Protected *bool  `json:"protected,omitempty" doc:"Never cut off for want of money"`
	GraceWh   *int64 `json:"lease_grace_wh,omitempty" doc:"At the end of a lease's time: -1 its energy counts alone, 0 the supply goes off, N it may use N Wh more"`
	Reason    string `json:"reason"`
}

// Reason is why somebody asks for an action. It is the body of every action that needs nothing else.
type Reason struct {
	Reason string `json:"reason" doc:"Why, in a few words; kept in the audit log"`
}

// Switched is what cutting or restoring a supply came to.
type Switched struct {
	Effect  string   `json:"effect" doc:"What happens now"`
	Reasons []string `json:"reasons" doc:"Why the supply is still off"`
	Command *Command `json:"command" doc:"What the meter is told; null where it needs no order"`
}
