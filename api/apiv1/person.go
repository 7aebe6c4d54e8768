package apiv1

import "time"

// NewPerson is a person to invite.
type NewPerson struct {
	Email  string `json:"email" example:"amina@example.org" doc:"E-mail address to sign in with"`
	Name   string `json:"name,omitempty" example:"Amina A." doc:"Name of the person"`
	Role   string `json:"role" example:"operator" doc:"Role of the person"`
	Vendor string `json:"vendor,omitempty" example:"V001" doc:"Id or code of the vendor whose float the person sells from; only for the role vendor_api"`
}

// PersonRole is another role for a person.
type PersonRole struct {
	Role   string `json:"role" example:"supervisor" doc:"New role of the person"`
	Vendor string `json:"vendor,omitempty" example:"V001" doc:"Id or code of the vendor whose float the person sells from; only for the role vendor_api"`
}

// Person is a person who signs in.
type Person struct {
	ID          string     `json:"id" example:"usr_01jd00000000000000000000000" doc:"Id of the person"`
	Email       string     `json:"email" example:"amina@example.org" doc:"E-mail address to sign in with"`
	Name        string     `json:"name" doc:"Name of the person; may be empty"`
	Role        string     `json:"role" example:"operator" doc:"Role of the person"`
	Vendor      string     `json:"vendor,omitempty" doc:"Id of the vendor whose float the person sells from; missing for a person of the utility"`
	State       string     `json:"state" enum:"invited,active,blocked" doc:"invited: has no password yet, or none since a reset"`
	Confirmed   bool       `json:"confirmed" doc:"Whether the person counts as a second person on their own"`
	CountsAs    []string   `json:"counts_as" doc:"Ids of those who invited, reset, unblocked or promoted the person since the last confirmation. Until the person is confirmed, none of them counts as a second person beside the person. unknown: somebody at the server's command line, or with a key that belongs to nobody"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty" doc:"When the person was last confirmed; missing if never"`
	InviteURL   string     `json:"invite_url,omitempty" doc:"Path of the one-time link on this server; shown only once, in the answer to an invitation or a reset. It works once, for 24 hours"`
	CreatedAt   time.Time  `json:"created_at" doc:"When the person was added"`
}

// People is the list of people.
var People = Listing[Page, Person]{Name: "people", Path: "/v1/people", Tag: "people", Summary: "List the people who sign in"}

// PersonChange is the body of a change that needs no details: an empty object.
type PersonChange struct{}
