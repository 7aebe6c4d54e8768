package apiv1

import "time"

// Quarantined is a message of a meter that cannot be true.
type Quarantined struct {
	ID         string     `json:"id" example:"qtn_01jd00000000000000000000000" doc:"Id of the entry"`
	Meter      string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Kind       string     `json:"kind" enum:"record,rating" doc:"record: held for review and not in the history; rating: a stored reading at which charging stopped"`
	Doubt      string     `json:"doubt" example:"rollover" doc:"Stable name of the doubt: zero, rollover, reset, backwards, doubled, jump, long-gap, no-price, relay-open, future-time, impossible-time, negative, implausible-power, unreadable"`
	Reason     string     `json:"reason" doc:"What is doubtful, in a sentence"`
	Record     string     `json:"record,omitempty" example:"reading" doc:"Id of the device memory; missing if it could not be read"`
	Seq        int64      `json:"seq" doc:"Number of the record in that memory"`
	At         *time.Time `json:"at,omitempty" doc:"Meter time"`
	ReceivedAt time.Time  `json:"received_at" doc:"Server time"`
	WasWh      *int64     `json:"was_wh,omitempty" doc:"Register before, in Wh"`
	RegisterWh *int64     `json:"register_wh,omitempty" doc:"Doubtful register, in Wh"`
	State      string     `json:"state" enum:"open,accepted,rebased,discarded" doc:"open, or the decision; rebased: counting continues from a register, and the difference is not charged"`
	Choices    []string   `json:"choices" doc:"Possible decisions; empty once it is decided"`
	DecidedAt  *time.Time `json:"decided_at,omitempty" doc:"When it was decided; missing while it is open"`
	DecidedBy  string     `json:"decided_by,omitempty" doc:"Who decided; missing while it is open"`
	Decision   string     `json:"decision,omitempty" doc:"Reason of the decision"`
}

// QuarantineResult is the outcome of a decision about a quarantined entry.
type QuarantineResult struct {
	Meter    string       `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Entry    *Quarantined `json:"entry,omitempty" doc:"The entry; missing if no reading of the meter was in doubt"`
	Readings int          `json:"readings" doc:"Number of later readings that are charged now"`
	UnitsWh  int64        `json:"units_wh" doc:"Energy charged by the decision, in Wh"`
	Debit    *Amount      `json:"debit,omitempty" doc:"Amount charged, for wallet meters"`
	Held     string       `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"Whether a later reading stopped charging again"`
}

// Verdict is the reason of a decision.
type Verdict struct {
	Reason string `json:"reason" doc:"Reason, such as what is known about the meter; written to the audit log"`
}

// Rebase is the register from which counting continues, with the reason.
type Rebase struct {
	RegisterWh *int64 `json:"register_wh,omitempty" doc:"Register read on the meter, in Wh; default the doubtful one"`
	Reason     string `json:"reason" doc:"Reason, such as what is known about the meter; written to the audit log"`
}

// QuarantineFilter narrows the list of quarantined entries.
type QuarantineFilter struct {
	Meter string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	All   bool   `query:"all" doc:"true: also entries that are decided"`
	Page
}

// Quarantine is the list of quarantined entries.
var Quarantine = Listing[QuarantineFilter, Quarantined]{Name: "quarantine", Path: "/v1/quarantine", Tag: "quarantine",
	Summary: "List doubtful readings and records, newest first",
	Description: "Records that are held for review, and readings at which the charging of a wallet meter stopped. No money moves on either " +
		"until somebody has decided."}
