package apiv1

import "time"

// NewReversal asks to reverse a sale.
type NewReversal struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why the sale is reversed; written to the audit log. The seller needs none within the reversal window (15 minutes by default)"`
}

// Reversal is how far the reversal of a sale has come: waiting (for the meter), done or refused.
type Reversal struct {
	ID        string     `json:"id" example:"rev_01jd00000000000000000000000" doc:"Id of the reversal"`
	State     string     `json:"state" enum:"waiting,done,refused" doc:"waiting: the meter has not confirmed yet that it will never load the tokens; refused: the sale stands"`
	Confirmed bool       `json:"confirmed" doc:"Whether the meter will never load the tokens. false on a reversal that is done: the meter could not be asked, and may still load them"`
	Code      string     `json:"code,omitempty" example:"not-reversible" doc:"Why the sale stands"`
	Reason    string     `json:"reason,omitempty" doc:"Reason of the request"`
	By        string     `json:"by" doc:"Who requested it"`
	CreatedAt time.Time  `json:"created_at" doc:"When it was requested"`
	SettledAt *time.Time `json:"settled_at,omitempty" doc:"When it was done or refused; missing while it waits"`
}

// Reversed is a sale with its reversal.
type Reversed struct {
	Vend     Sale     `json:"vend" doc:"The sale as it is now"`
	Reversal Reversal `json:"reversal" doc:"The reversal"`
}
