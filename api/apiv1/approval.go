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
	Password  *MeterPassword  `json:"meter_password,omitempty" doc:"The meter with its new MQTT password; shown only once, in the answer to the approval"`
	Secret    string          `json:"secret,omitempty" doc:"The signing secret that the server drew for a payment provider; shown only once, in the answer to the approval"`
	Address   string          `json:"address,omitempty" doc:"The new address of a payment provider, without the host. It is a secret, shown only once, in the answer to the approval"`
	Codes     []VoucherCode   `json:"voucher_codes,omitempty" doc:"The new codes of vouchers, for the buyer; shown only once, in the answer to the approval"`
	Now       *Effect         `json:"now,omitempty" doc:"What happens if the request is approved now; only where one request is read, and only while it can be approved"`
	Shown     string          `json:"shown,omitempty" doc:"Digest of now, without figures that go on by themselves; send it with the approval"`
	CreatedAt time.Time       `json:"created_at" doc:"When the action was requested"`
	ExpiresAt time.Time       `json:"expires_at" doc:"When the request expires, 7 days after created_at; after that it cannot be decided"`
	DecidedAt *time.Time      `json:"decided_at,omitempty" doc:"When it was approved or rejected; missing while it waits"`
}

// Effect is what a request does if it is approved now, computed from the stored request and the books as they are.
type Effect struct {
	Refused string       `json:"refused,omitempty" doc:"Why it would be refused now"`
	Summary string       `json:"summary" doc:"The action in a sentence, with the figures of now"`
	Changed bool         `json:"changed" doc:"Whether a figure was another when the action was requested"`
	Facts   []EffectFact `json:"facts,omitempty" doc:"What moves, from where to where, and how it is before and afterwards"`
	Sums    []EffectSum  `json:"sums,omitempty" doc:"What becomes of the rows of a file"`
	Rows    []EffectRow  `json:"rows,omitempty" doc:"All rows of a small file; of a larger one the largest, and those with a reason to look twice"`
	Hidden  int          `json:"hidden,omitempty" doc:"Number of rows that are not listed"`
}

// EffectFact is a figure of an effect.
type EffectFact struct {
	Name     string   `json:"name" example:"meter" doc:"What it is"`
	Before   string   `json:"before,omitempty" doc:"How it is now; missing if there is nothing to compare"`
	After    string   `json:"after" example:"04140001019" doc:"How it is afterwards"`
	Was      string   `json:"was,omitempty" doc:"What after was when the action was requested, if it was another"`
	Usual    *Usual   `json:"usual,omitempty" doc:"What after usually is for this kind of action; only for the figure that says how much it moves"`
	Cautions []string `json:"cautions,omitempty" doc:"Reasons to look twice, such as that the meter is recorded as a colleague's own"`
}

// Usual is what a figure usually is for its kind of action.
type Usual struct {
	Median string `json:"median,omitempty" example:"4500.00 KES" doc:"Median of what was done of this kind in the last 30 days with a second person, or by others alone; missing if nothing was"`
	Of     int    `json:"of" doc:"Number of values that it is the median of"`
}

// EffectSum counts the rows of a file that have the same fate.
type EffectSum struct {
	Fate     string   `json:"fate" example:"sold" doc:"sold: becomes a sale to a meter; parked: waits for a person; known: is there already; doubtful: is perhaps there already; back: gives a payment back; fee: no payment; debt: is owed; credit: is credited; undone: is taken back"`
	Count    int      `json:"count" doc:"Number of rows"`
	Sum      string   `json:"sum" example:"1240.00 KES" doc:"Their sum"`
	WasCount int      `json:"was_count,omitempty" doc:"Their number when the action was requested, if number or sum was another"`
	WasSum   string   `json:"was_sum,omitempty" doc:"Their sum when the action was requested, if number or sum was another"`
	Usual    *Usual   `json:"usual,omitempty" doc:"What the sum usually is for this kind of file"`
	Cautions []string `json:"cautions,omitempty" doc:"Reasons to look twice"`
}

// EffectRow is a row of a file with what becomes of it.
type EffectRow struct {
	Line     int        `json:"line" doc:"Line of the file"`
	Name     string     `json:"name,omitempty" doc:"Name that the file gives the row, such as the provider's receipt"`
	At       *time.Time `json:"at,omitempty" doc:"When it was paid"`
	From     string     `json:"from,omitempty" doc:"Who pays"`
	Said     string     `json:"said,omitempty" doc:"What the payer typed, or what the row is for"`
	Meter    string     `json:"meter,omitempty" doc:"Number of the meter, or account, that it reaches"`
	Amount   string     `json:"amount" example:"500.00 KES" doc:"Amount of the row"`
	Fate     string     `json:"fate" example:"sold" doc:"What becomes of it, as in sums"`
	Cautions []string   `json:"cautions,omitempty" doc:"Reasons to look twice"`
}

// Decision is the reason of a second person who allows or refuses an action.
type Decision struct {
	Reason  string         `json:"reason,omitempty" maxLength:"200" doc:"Why the action is approved or rejected; written to the audit log"`
	Shown   string         `json:"shown,omitempty" maxLength:"64" doc:"The field shown of the approval, as it was read before this decision. If the action would do something else by now, the answer is approval-changed. Missing: nothing is compared"`
	Secrets map[string]any `json:"secrets,omitempty" doc:"Secrets that the provider gave, to approve provider.enable or provider.secret for a provider whose secrets the first person must not know"`
}

// Rejection is the body of POST /v1/approvals/{id}/reject.
type Rejection struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why the action is rejected; written to the audit log"`
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
