package apiv1

import "time"

// PageLink is the newest link to the page of the customer whom a meter supplies.
type PageLink struct {
	Meter     string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	ID        string     `json:"id,omitempty" example:"lnk_01jd00000000000000000000000" doc:"Id of the link; absent if there was never one"`
	State     string     `json:"state" enum:"none,live,ended,revoked" doc:"none: there was never a link; live: it opens the page; ended: its time is over; revoked: a person ended it"`
	Address   string     `json:"address,omitempty" example:"https://pay.example.org/c/2345bcdf6789ghjk" doc:"Address of the page, a secret; only in the first answer to a request that asks for it. Without the setting public_url it is a path"`
	Message   string     `json:"message,omitempty" example:"msg_01jd00000000000000000000000" doc:"Id of the SMS that brings the link to the customer; only in the answer that sends it"`
	MadeBy    string     `json:"made_by,omitempty" doc:"Who made the link"`
	MadeAt    *time.Time `json:"made_at,omitempty" doc:"When it was made"`
	EndsAt    *time.Time `json:"ends_at,omitempty" doc:"When it ends by itself"`
	RevokedAt *time.Time `json:"revoked_at,omitempty" doc:"When it was revoked"`
	RevokedBy string     `json:"revoked_by,omitempty" doc:"Who revoked it"`
}

// NewPageLink asks for a link to a customer's page.
type NewPageLink struct {
	Send bool `json:"send,omitempty" doc:"Send the link to the customer's telephone by SMS"`
	Show bool `json:"show,omitempty" doc:"Show the link in the answer; needs the rights customer.write and token.show, because the page shows tokens to come"`
}

// PageLinkChange is the empty body of a change of a link.
type PageLinkChange struct{}
