package apiv1

import (
	"encoding/json"
	"time"
)

// Approval is an action that waits for a second person, or how it was decided.
type Approval struct {
	ID        string          `json:"id" example:"apr_01jd00000000000000000000000" doc:"Id of the approval"`
	Act       string          `json:"act" example:"token.issue" doc:"What kind of action it is"`
	Summary   string          `json:"summary" doc:"The action in a sentence, for the second person"`
	Request   json.RawMessage `json:"request" doc:"What was asked for, whole, as it will be carried out: read it before you allow it"`
	State     string          `json:"state" enum:"waiting,approved,rejected,done" doc:"approved: allowed, but refused when it was carried out; done: carried out"`
	Maker     string          `json:"maker" doc:"Who asked for the action"`
	Checker   string          `json:"checker,omitempty" doc:"Who allowed or refused it; missing while it waits"`
	Reason    string          `json:"reason,omitempty" doc:"Why it was allowed or refused"`
	Object    string          `json:"object,omitempty" doc:"What it is about"`
	Result    string          `json:"result,omitempty" doc:"The result, in the answer to the decision"`
	Meter     *AddedMeter     `json:"meter,omitempty" doc:"The registered meter with its secrets; only once, in the answer to the approval"`
	CreatedAt time.Time       `json:"created_at" doc:"When the action was asked for"`
	ExpiresAt time.Time       `json:"expires_at" doc:"When it can no longer be decided or carried out: 7 days after created_at"`
	DecidedAt *time.Time      `json:"decided_at,omitempty" doc:"When it was allowed or refused; missing while it waits"`
}

// Decision is the reason of a second person who allows or refuses an action.
type Decision struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why the action is allowed or refused; written to the audit log"`
}

// ApprovalFilter narrows the list of approvals.
type ApprovalFilter struct {
	State string `query:"state" enum:"waiting,approved,rejected,done" doc:"Default: all"`
	Page
}

// Approvals is the list of approvals. A page may hold fewer rows than requested and still have a NextCursor.
var Approvals = Listing[ApprovalFilter, Approval]{Name: "approvals", Path: "/v1/approvals", Tag: "approvals",
	Summary:     "List requests that wait for a second person, newest first",
	Description: "Those that the caller asked for or could approve; all of them for a key that may read the audit log."}
