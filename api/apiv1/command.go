package apiv1

import "time"

// NewCommand is an instruction to a meter. A reason is needed.
type NewCommand struct {
	Type   string         `json:"type" enum:"disconnect,connect,read,clear_tamper,clear_credit,reset_demand,cancel_token" doc:"disconnect: opens the relay; connect: closes it when the customer presses the key, or at once with force; read: asks for a reading; clear_tamper: clears tampering; clear_credit: sets the credit to 0; reset_demand: begins a new maximum-demand period; cancel_token: makes sure that a token never loads"`
	Reason string         `json:"reason" doc:"Why, in a few words; written to the audit log"`
	Args   map[string]any `json:"args,omitempty" doc:"Arguments: force for connect; tid and base_date for cancel_token"`
}

// Command is an instruction to a meter and how far it has come: queued, sent, acked (stored durably in the meter),
// done, failed or expired.
type Command struct {
	ID        string         `json:"id" example:"cmd_01jd00000000000000000000000" doc:"Id of the command"`
	Meter     string         `json:"meter" doc:"Number of the meter"`
	Type      string         `json:"type" doc:"What the meter must do. As in a request, or lease, config and time, which only the server sends"`
	Args      map[string]any `json:"args,omitempty" doc:"Arguments, as in a request"`
	Reason    string         `json:"reason" doc:"Why it was sent"`
	State     string         `json:"state" enum:"queued,sent,acked,done,failed,expired" doc:"queued: not sent yet; sent: no answer yet; acked: the meter has stored it; done: carried out; failed: see answer; expired: the meter did not take it in time"`
	Answer    string         `json:"answer,omitempty" doc:"Answer of the meter"`
	By        string         `json:"by" doc:"Who sent it: a person, an API key, or the server itself"`
	Attempts  int            `json:"attempts" doc:"Number of times it was sent"`
	CreatedAt time.Time      `json:"created_at" doc:"When it was requested"`
	UpdatedAt time.Time      `json:"updated_at" doc:"When it last changed"`
	ExpiresAt time.Time      `json:"expires_at" doc:"Meter time of the answer"`
}

// Commands is the list of a meter's commands.
var Commands = Listing[MeterFilter, Command]{Name: "commands", Path: "/v1/meters/{meter}/commands", Tag: "commands",
	Summary: "List a meter's commands, newest first"}
