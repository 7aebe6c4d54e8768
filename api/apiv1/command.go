package apiv1

import "time"

// NewCommand is an instruction to a meter. A reason is needed.
type NewCommand struct {
	Type   string         `json:"type" enum:"disconnect,connect,read,clear_tamper,clear_credit,reset_demand,cancel_token"` // disconnect, arm, connect, read ...
	Reason string         `json:"reason" doc:"Why, in a few words; kept in the audit log"`
	Args   map[string]any `json:"args,omitempty" doc:"connect: force; cancel_token: tid, base_date"`
}

// Command is an instruction to a meter and how far it has come: queued, sent, acked (stored durably in the meter),
// done, failed or expired.
type Command struct {
	ID        string         `json:"id" example:"cmd_01jd00000000000000000000000"`
	Meter     string         `json:"meter"`
	Type      string         `json:"type"`
	Args      map[string]any `json:"args,omitempty"`
	Reason    string         `json:"reason"`
	State     string         `json:"state" enum:"queued,sent,acked,done,failed,expired"`
	Answer    string         `json:"answer,omitempty" doc:"What the meter said"`
	By        string         `json:"by"`
	Attempts  int            `json:"attempts"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	ExpiresAt time.Time      `json:"expires_at" doc:"Meter time"`
}

// Commands is the list of a meter's commands.
var Commands = Listing[MeterFilter, Command]{Name: "commands", Path: "/v1/meters/{meter}/commands", Tag: "commands",
	Summary: "List a meter's commands, newest first"}
