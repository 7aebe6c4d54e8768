package apiv1

import (
	"encoding/json"
	"time"
)

// Approval is a sensitive action that waits for a second person, or about which a second person has decided.
type Approval struct {
	ID        string          `json:"id" example:"apr_01jd00000000000000000000000" doc:"Id of the approval"`
	Act       string          `json:"act" example:"token.issue" doc:"Kind of action"`
	Summary   string          `json:"summary" doc:"The action in a sentence, for the second person"`
	Request   json.RawMessage `json:"request" doc:"The whole request, as it will be carried out; read it before you approve it"`
	State     string          `json:"state" enum:"waiting,approved,rejected,done" doc:"approved: approved by a second person, but not carried out because a rule refused it; done: carried out"`
	Maker     string          `json:"maker" doc:"Who requested the action"`
	Checker   string          `json:"checker,omitempty" doc:"Who approved or rejected it; missing while it waits"`
	Reason    string          `json:"reason,omitempty" doc:"Why it was approved or rejected"`
	Object    string          `json:"object,omitempty" doc:"Id of the object of the action"`
	Result    string          `json:"result,omitempty" doc:"Result of the action, in the answer to the approval"`
	Meter     *AddedMeter     `json:"meter,omitempty" doc:"The registered meter with its secrets; shown only once, in the answer to the approval"`
	LinkKey   *LinkKey        `json:"link_key,omitempty" doc:"The meter with its next link key; shown only once, in the answer to the approval"`
	CreatedAt time.Time       `json:"created_at" doc:"When the action was requested"`
	ExpiresAt time.Time       `json:"expires_at" doc:"When the request expires, 7 days after created_at; after that it cannot be decided"`
	DecidedAt *time.Time      `json:"decided_at,omitempty" doc:"When it was approved or rejected; missing while it waits"`
}

// Decision is the reason of a second person who allows or refuses an action.
type Decision struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why the action is approved or rejected; written to the audit log"`
}

// ApprovalFilter narrows the list of approvals.
type ApprovalFilter struct {
	State string `query:"state" enum:"waiting,approved,rejected,done" doc:"Default: all"`
	Page
}

// Approvals is the list of approvals. A page may hold fewer rows than requested and still have a NextCursor.
var Approvals = Listing[ApprovalFilter, Approval]{Name: "approvals", Path: "/v1/approvals", Tag: "approvals",
	Summary:     "List requests that wait for a second person, newest first",
	Description: "Requests that the caller made or may decide. With the right to read the audit log, all requests."}
