package apiv1

import "time"

// AuditEntry is a row of the audit log.
type AuditEntry struct {
	ID           string    `json:"id" doc:"Id of the row"`
	At           time.Time `json:"at" doc:"Server time"`
	Actor        string    `json:"actor" example:"apikey till 3" doc:"Who did it"`
	IP           string    `json:"ip,omitempty" doc:"Address from which it was done"`
	Action       string    `json:"action" example:"vendor.terms" doc:"What was done"`
	Object       string    `json:"object,omitempty" doc:"Id or name of what it was done to"`
	Before       string    `json:"before,omitempty" doc:"Old values"`
	After        string    `json:"after,omitempty" doc:"New values"`
	Reason       string    `json:"reason,omitempty" doc:"Why it was done"`
	SinglePerson bool      `json:"single_person" doc:"Whether one person alone did what usually takes two"`
}

// AuditFilter narrows the audit log.
type AuditFilter struct {
	Actor  string `query:"actor" maxLength:"128" doc:"Part of the actor, in any case of the letters"`
	Action string `query:"action" maxLength:"128" doc:"Beginning of the action, such as vendor"`
	Object string `query:"object" maxLength:"128" doc:"Part of the object, in any case of the letters"`
	From   string `query:"from" maxLength:"40" example:"2026-11-01" doc:"First local day"`
	To     string `query:"to" maxLength:"40" example:"2026-11-30" doc:"Last local day"`
	Page
}

// AuditLog is the list of the audit log's rows.
var AuditLog = Listing[AuditFilter, AuditEntry]{Name: "audit-log", Path: "/v1/audit", Tag: "reports", Summary: "List rows of the audit log, newest first"}
