package apiv1

import "time"

// Quarantined is a message of a meter that cannot be true.
type Quarantined struct {
	ID         string     `json:"id" example:"qtn_01jd00000000000000000000000" doc:"Id of the entry"`
	Meter      string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Kind       string     `json:"kind" enum:"record,rating" doc:"record: held for review, in no history; rating: a stored reading at which charging stopped"`
	Doubt      string     `json:"doubt" example:"rollover" doc:"Stable name: zero, rollover, reset, backwards, doubled, jump, long-gap, no-price, relay-open, future-time, impossible-time, negative, implausible-power, unreadable"`
	Reason     string     `json:"reason" doc:"What cannot be true, for people"`
	Record     string     `json:"record,omitempty" example:"reading" doc:"Missing if it could not be read"`
	Seq        int64      `json:"seq" doc:"Number of the record in the meter's memory"`
	At         *time.Time `json:"at,omitempty" doc:"Meter time"`
	ReceivedAt time.Time  `json:"received_at" doc:"Server time"`
	WasWh      *int64     `json:"was_wh,omitempty" doc:"The register before"`
	RegisterWh *int64     `json:"register_wh,omitempty" doc:"The doubtful register"`
	State      string     `json:"state" enum:"open,accepted,rebased,discarded" doc:"How it was decided; rebased: counting goes on from a register, and nothing before it is charged"`
	Choices    []string   `json:"choices" doc:"How it can be decided; empty once it is"`
	DecidedAt  *time.Time `json:"decided_at,omitempty" doc:"When it was decided; missing while it is open"`
	DecidedBy  string     `json:"decided_by,omitempty" doc:"Who decided; missing while it is open"`
	Decision   string     `json:"decision,omitempty" doc:"Why"`
}

// QuarantineResult is the outcome of a decision about a quarantined entry.
type QuarantineResult struct {
	Meter    string       `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Entry    *Quarantined `json:"entry,omitempty" doc:"Missing if no reading of the meter was in doubt"`
	Readings int          `json:"readings" doc:"Readings that had come meanwhile and are now charged for"`
	UnitsWh  int64        `json:"units_wh" doc:"Charged for by the decision"`
	Debit    *Amount      `json:"debit,omitempty" doc:"Price of that energy; for wallet meters"`
	Held     string       `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"A later reading stopped charging again"`
}

// Verdict is the reason of a decision.
type Verdict struct {
	Reason string `json:"reason" doc:"What is known of the meter; written to the audit log"`
}

// Rebase is the register from which to count on, with the reason.
type Rebase struct {
	RegisterWh *int64 `json:"register_wh,omitempty" doc:"Register read off the meter; default: the doubtful one"`
	Reason     string `json:"reason" doc:"What is known of the meter; written to the audit log"`
}

// QuarantineFilter narrows the list of quarantined entries.
type QuarantineFilter struct {
	Meter string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	All   bool   `query:"all" doc:"Decided ones too"`
	Page
}

// Quarantine is the list of quarantined entries.
var Quarantine = Listing[QuarantineFilter, Quarantined]{Name: "quarantine", Path: "/v1/quarantine", Tag: "quarantine",
	Summary: "List doubtful readings and records, newest first",
	Description: "Records that are held for review, and readings at which the charging of a wallet meter stopped. No money moves for " +
		"either until a person has decided."}
